import { referenceError } from './errors.ts'
import { transformArm64 } from './arm64.ts'
import { transformEhFrame } from './eh-frame.ts'
import { Knowledge } from './knowledge.ts'
import type { Image, Region } from './layout.ts'
import { regionAt, unloaded } from './layout.ts'
import { referenceLimits } from './limits.ts'
import { type BasePair, cellCount, mode, parseSide, type Side } from './side.ts'
import { Targets } from './targets.ts'
import { transformWasmCode, transformWasmData } from './wasm.ts'
import { Window } from './window.ts'
import { transformWords } from './words.ts'
import { transformX86 } from './x86.ts'

/** `length` bytes from `oldPosition` on are like those from `newPosition` on. */
export interface CopyOp {
  readonly oldPosition: number
  readonly newPosition: number
  readonly length: number
}

export interface CoderInput {
  readonly copies: readonly CopyOp[]
  readonly oldSize: number
  readonly newSize: number
  readOld(position: number, into: Uint8Array): void
}

const { cellBytes, windowBytes } = referenceLimits

/** Turns copied bytes into new bytes and back; see the door of this folder. */
export class ReferenceCoder {
  private readonly input: CoderInput
  private readonly side: Side
  /** Mode of each cell of the new files; the maker tries others. */
  readonly cells: Uint8Array
  private readonly window: Window
  private readonly knowledge: Knowledge

  constructor(side: Side, input: CoderInput, knowledge: Knowledge = new Knowledge(side, input)) {
    this.input = input
    this.side = side
    this.knowledge = knowledge
    this.cells = new Uint8Array(cellCount(input.newSize))
    let cell = 0
    for (const run of side.modes) {
      this.cells.fill(run.mode, cell, cell + run.cells)
      cell += run.cells
    }
    this.window = new Window(new Targets(knowledge.map))
  }

  /** In place: differences become new bytes. */
  restore(copyIndex: number, offset: number, block: Uint8Array): void {
    this.transform(copyIndex, offset, block, true)
  }

  /** In place: new bytes become differences. */
  difference(copyIndex: number, offset: number, block: Uint8Array): void {
    this.transform(copyIndex, offset, block, false)
  }

  private transform(copyIndex: number, offset: number, block: Uint8Array, decode: boolean): void {
    const copy = this.input.copies[copyIndex]
    if (copy === undefined || offset % windowBytes !== 0) throw new TypeError('no such window')
    const length = Math.min(windowBytes, copy.length - offset)
    if (block.length !== length) throw new TypeError('not a whole window')
    const { window } = this
    const { start } = window
    const position = copy.oldPosition + offset
    const lead = Math.min(start, position)
    const tail = Math.min(start, this.input.oldSize - position - length)
    const read = window.old.subarray(start - lead, start + length + tail)
    this.input.readOld(position - lead, read)
    window.old.fill(0, start + length + tail, start + length + start)
    window.io.set(block, start)
    window.end = start + length
    window.decode = decode
    window.copies = this.input.copies
    window.copyIndex = copyIndex
    window.pairs.clear()
    let at = start
    while (at < window.end) at = this.span(copy, offset - start, at)
    block.set(window.io.subarray(start, window.end))
  }

  /** One stretch of one mode, one old region and one new region; returns where it ended. */
  private span(copy: CopyOp, offset: number, from: number): number {
    const newPosition = copy.newPosition + offset
    const oldPosition = copy.oldPosition + offset
    const length = this.window.end
    let cell = Math.floor((newPosition + from) / cellBytes)
    const value = this.cells[cell] as number
    let to = from
    while (to < length && this.cells[cell] === value) to = ++cell * cellBytes - newPosition
    to = Math.min(to, length)
    if (value === mode.plain) {
      this.window.plain(from, to)
      return to
    }
    const oldRegion = regionAt(this.side.oldLayout, oldPosition + from)
    const newRegion = regionAt(this.side.newLayout, newPosition + from)
    if (oldRegion === undefined || newRegion === undefined) {
      // Between regions nothing is predicted, at most to the end of this cell.
      to = Math.min(
        to,
        (Math.floor((newPosition + from) / cellBytes) + 1) * cellBytes - newPosition,
      )
      this.window.plain(from, to)
      return to
    }
    to = Math.min(to, oldRegion.position + oldRegion.size - oldPosition)
    to = Math.min(to, newRegion.position + newRegion.size - newPosition)
    this.place({ copy, offset, oldRegion, newRegion })
    this.window.lead = Math.min(this.window.start, from, oldPosition + from - oldRegion.position)
    return this.byMode(value, from, to)
  }

  private place(span: {
    readonly copy: CopyOp
    readonly offset: number
    readonly oldRegion: Region
    readonly newRegion: Region
  }): void {
    const { copy, offset, oldRegion, newRegion } = span
    const { window } = this
    const loaded = oldRegion.address !== unloaded && newRegion.address !== unloaded
    const oldStart = oldRegion.address - oldRegion.position
    const newStart = newRegion.address - newRegion.position
    window.oldAddress = loaded ? copy.oldPosition + offset + oldStart : copy.oldPosition + offset
    window.newAddress = loaded ? copy.newPosition + offset + newStart : copy.newPosition + offset
    window.localFrom = 0
    window.localTo = 0
    if (loaded) {
      const first = Math.max(
        copy.oldPosition,
        oldRegion.position,
        newRegion.position - copy.newPosition + copy.oldPosition,
      )
      const end = Math.min(
        copy.oldPosition + copy.length,
        oldRegion.position + oldRegion.size,
        newRegion.position + newRegion.size - copy.newPosition + copy.oldPosition,
      )
      window.localFrom = first + oldStart
      window.localTo = end + oldStart
    }
    const oldImage = this.side.oldLayout.images[oldRegion.image] as Image
    const newImage = this.side.newLayout.images[newRegion.image] as Image
    window.oldImageStart = oldImage.start
    window.oldImageBase = oldImage.base
    window.oldImageSpan = oldImage.span
    window.newImageStart = newImage.start
    window.newImageBase = newImage.base
    window.newImageSpan = newImage.span
    window.newPosition = copy.newPosition + offset
    window.oldPosition = copy.oldPosition + offset
  }

  private byMode(value: number, from: number, to: number): number {
    const { window } = this
    switch (value) {
      case mode.x86:
        return transformX86(window, from, to)
      case mode.arm64:
        return transformArm64(window, from, to)
      case mode.pointer64:
        return transformWords(window, { from, to, unit: 8, width: 8 }, (at) => window.pointer64(at))
      case mode.relative32:
        return transformWords(window, { from, to, unit: 4, width: 4 }, (at) =>
          window.relative32(at, at),
        )
      case mode.wasmCode:
        return transformWasmCode(window, from, to)
      case mode.wasmData:
        return transformWasmData(window, from, to)
      case mode.ehFrame:
        return transformEhFrame(window, from, to)
      case mode.jumpTable: {
        const { tables } = this.knowledge
        return transformWords(window, { from, to, unit: 4, width: 4 }, (at) =>
          tables.field(window, at),
        )
      }
      case mode.goFunctions:
        return this.knowledge.go.transform(window, from, to)
      default: {
        const base = this.side.bases[value - mode.based32] as BasePair | undefined
        if (base === undefined)
          throw referenceError('LW_DELTA_REFERENCES', { detail: 'A mode is unknown.' })
        return transformWords(window, { from, to, unit: 4, width: 4 }, (at) =>
          window.based32(at, base.old, base.next),
        )
      }
    }
  }
}

/**
 * A coder for one bundle: a fresh one for each pass, since it learns while it goes.
 * @throws LW_DELTA_REFERENCES when the side is damaged
 */
export function createReferenceCoder(
  input: CoderInput & { readonly side: Uint8Array },
): ReferenceCoder {
  const { copies, oldSize, newSize } = input
  for (const { oldPosition, newPosition, length } of copies) {
    if (oldPosition + length > oldSize || newPosition + length > newSize) {
      throw referenceError('LW_DELTA_REFERENCES', { detail: 'A copy lies outside of the files.' })
    }
  }
  const side = parseSide(input.side, { old: input.oldSize, next: input.newSize })
  return new ReferenceCoder(side, input)
}
