import { transformArm64 } from './arm64'
import { baseOf, hasBase, newBase, oldBase } from './bases'
import { copyLength, copyNewPosition, copyOldPosition } from './copies'
import { transformEhFrame } from './eh-frame'
import { transformGoFunctions } from './go-functions'
import { setLocal } from './images'
import {
  enterImages,
  isLoaded,
  newRegionAt,
  oldRegionAt,
  regionEnd,
  regionPosition,
  regionShift,
} from './layouts'
import { start, take } from './memory'
import { transformWasmCode } from './wasm-code'
import { transformWasmData } from './wasm-data'
import { end, newPosition, oldPosition, setAddresses } from './window'
import { transformBased, transformJumpTables, transformPointers, transformRelative } from './words'
import { transformX86 } from './x86'

/** How the bytes of one cell of the new file are predicted; from `based32` on base by base. */
const enum Mode {
  plain = 0,
  x86 = 1,
  arm64 = 2,
  pointer64 = 3,
  relative32 = 4,
  goFunctions = 5,
  ehFrame = 6,
  jumpTable = 7,
  wasmCode = 8,
  wasmData = 9,
  based32 = 16,
}

/** Bytes of new file that share one mode. */
const cellShift: i64 = 9

/** One byte for each cell of the new files. */
let cells: usize = 0

/** Takes room for the modes of so many cells; returns where they are to be written. */
export function openCells(count: u32): usize {
  cells = take(<usize>count)
  return cells
}

/** Transforms the fields of the window at hand, which belongs to a copy. */
export function transformFields(copy: i32): void {
  let at = start
  while (at < end) at = stretch(copy, at)
}

/** One stretch of one mode, one old region and one new region; returns where it ended. */
function stretch(copy: i32, from: usize): usize {
  const position = newPosition + <i64>from
  let cell = position >> cellShift
  const mode = <i32>load<u8>(cells + <usize>cell)
  let limit = <i64>from
  while (limit < <i64>end && load<u8>(cells + <usize>cell) == mode) {
    limit = (++cell << cellShift) - newPosition
  }
  limit = min(limit, <i64>end)
  if (mode == Mode.plain) return <usize>limit
  const oldRegion = oldRegionAt(oldPosition + <i64>from)
  const newRegion = newRegionAt(position)
  // Between regions nothing is predicted, at most to the end of this cell.
  if (oldRegion == 0 || newRegion == 0) {
    return <usize>min(limit, (((position >> cellShift) + 1) << cellShift) - newPosition)
  }
  limit = min(limit, regionEnd(oldRegion) - oldPosition)
  limit = min(limit, regionEnd(newRegion) - newPosition)
  enter(copy, from, oldRegion, newRegion)
  return byMode(mode, from, <usize>limit)
}

/** Says what addresses mean in a stretch. */
function enter(copy: i32, from: usize, oldRegion: usize, newRegion: usize): void {
  const intoRegion = oldPosition + <i64>from - regionPosition(oldRegion)
  const known = min(start, <usize>min(<i64>from, intoRegion))
  enterImages(oldRegion, newRegion)
  if (!isLoaded(oldRegion) || !isLoaded(newRegion)) {
    setAddresses(oldPosition, newPosition, known)
    setLocal(0, 0)
    return
  }
  const shift = regionShift(oldRegion)
  setAddresses(oldPosition + shift, newPosition + regionShift(newRegion), known)
  const copied = copyOldPosition(copy)
  const back = copied - copyNewPosition(copy)
  const first = max(copied, max(regionPosition(oldRegion), regionPosition(newRegion) + back))
  const last = min(
    copied + copyLength(copy),
    min(regionEnd(oldRegion), regionEnd(newRegion) + back),
  )
  setLocal(first + shift, last + shift)
}

function byMode(mode: i32, from: usize, to: usize): usize {
  switch (mode) {
    case Mode.x86:
      return transformX86(from, to)
    case Mode.arm64:
      return transformArm64(from, to)
    case Mode.pointer64:
      return transformPointers(from, to)
    case Mode.relative32:
      return transformRelative(from, to)
    case Mode.goFunctions:
      return transformGoFunctions(from, to)
    case Mode.ehFrame:
      return transformEhFrame(from, to)
    case Mode.jumpTable:
      return transformJumpTables(from, to)
    case Mode.wasmCode:
      return transformWasmCode(from, to)
    case Mode.wasmData:
      return transformWasmData(from, to)
  }
  const number = mode - Mode.based32
  // Sides are checked before: no other mode comes so far.
  if (mode < Mode.based32 || !hasBase(<u32>number)) unreachable()
  const base = baseOf(<u32>number)
  return transformBased(from, to, oldBase(base), newBase(base))
}
