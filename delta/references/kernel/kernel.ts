/**
 * Reference prediction, window by window (docs/formats/references.md, section 4): what runs for
 * every byte of a program. The code outside checks the side, makes the map and hands both in with
 * `open…`, `add…` and `close…`; then it puts the old bytes of a window with their context, and what
 * is to be transformed, into the buffers of `memory`, and takes the result from there.
 */
import { clearPairs } from './address-pairs'
import { copyNewPosition, copyOldPosition } from './copies'
import { resetFrame } from './frames'
import { setLocal } from './images'
import { setCopy } from './jumps'
import { setLabelledImage } from './label-words'
import { labelFields } from './labels'
import { forgetMoves } from './learned-moves'
import { enterOldImage } from './layouts'
import { given, old, oldBytes, result, start } from './memory'
import { addOld, countDiffering, subtractOld } from './plain'
import { transformFields } from './stretches'
import { forgetTargets } from './targets'
import { end, newPosition, openWindow, Pass, setAddresses } from './window'

export { addTile, closeMap, openMap } from './address-map'
export { addBase } from './bases'
export { openCopies } from './copies'
export { addGoTable, closeGoTables } from './go-functions'
export { openTables, scanCode } from './jump-tables'
export { addNewImage, addNewRegion, addOldImage, addOldRegion, openLayouts } from './layouts'
export { counts, given, old, result, scanned } from './memory'
export { openCells } from './stretches'

/** Differences become new bytes, for `length` bytes of a copy from `offset` on. */
export function restore(copy: i32, offset: u32, length: u32): void {
  openCopyWindow(Pass.restore, copy, offset, length)
  addOld(end)
  transformFields(copy)
}

/** New bytes become differences, likewise. */
export function difference(copy: i32, offset: u32, length: u32): void {
  openCopyWindow(Pass.difference, copy, offset, length)
  subtractOld(end)
  transformFields(copy)
}

function openCopyWindow(pass: Pass, copy: i32, offset: u32, length: u32): void {
  const lead = <i64>offset - <i64>start
  const from = copyOldPosition(copy) + lead
  openWindow(pass, start + <usize>length, from, copyNewPosition(copy) + lead)
  setCopy(copy)
  clearPairs()
}

/** Counts the bytes of the last result that are not zero, for each cell that it touches. */
export function countDifferences(): void {
  countDiffering(newPosition + <i64>start, end)
}

/** Says which image the windows that are labelled next belong to, and where its unwind table is. */
export function openLabels(image: u32, unwind: f64, unwindBytes: f64): void {
  enterOldImage(image)
  setLabelledImage(image, <i64>unwind, <i64>unwindBytes)
  setLocal(0, 0)
}

/**
 * Labels the references of a window of one region.
 * @param address of the window; its position when the region is not loaded
 * @param known old bytes before the window that belong to the region
 */
export function label(content: u32, length: u32, at: f64, address: f64, known: u32): void {
  const position = <i64>at - <i64>start
  openWindow(Pass.label, start + <usize>length, position, position)
  setAddresses(<i64>address - <i64>start, <i64>address - <i64>start, <usize>known)
  clearPairs()
  memory.copy(result + start, given + start, <usize>length)
  labelFields(content)
}

/** Forgets everything that windows have shown, for another pass over the same copies. */
export function forget(): void {
  memory.fill(old, 0, oldBytes)
  forgetTargets()
  forgetMoves()
  resetFrame()
}
