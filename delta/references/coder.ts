import { referenceError } from './errors.ts'
import { findGoFunctions } from './go-functions.ts'
import { findJumpTables } from './jump-tables.ts'
import { referenceLimits } from './limits.ts'
import { mapPieces } from './map-pieces.ts'
import { cellCount, mode, type ModeRun, parseSide, type Side } from './side.ts'
import { WindowKernel } from './window-kernel.ts'

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

const { windowBytes, contextBytes, cellBytes } = referenceLimits

/** Turns copied bytes into new bytes and back; see the door of this folder. */
export class ReferenceCoder {
  private readonly side: Side
  private readonly input: CoderInput
  private readonly kernel: WindowKernel
  private knowsTables = false
  private knowsGo = false

  constructor(side: Side, input: CoderInput) {
    this.side = side
    this.input = input
    this.kernel = new WindowKernel({
      side,
      pieces: [...mapPieces(side, input.copies), ...side.extra],
      copies: input.copies,
      cells: cellCount(input.newSize),
    })
    this.useModes(side.modes)
  }

  /** Sets the modes of the cells, before the first window. */
  private useModes(runs: readonly ModeRun[]): void {
    const { cells } = this.kernel
    let cell = 0
    for (const run of runs) {
      this.prepare(run.mode)
      cells.fill(run.mode, cell, cell + run.cells)
      cell += run.cells
    }
    cells.fill(mode.plain, cell)
  }

  /** Looks up what a mode needs beside the map; that does not change with the modes. */
  private prepare(value: number): void {
    const { side, kernel, input } = this
    if (value === mode.jumpTable && !this.knowsTables) {
      findJumpTables(kernel, side.oldLayout.regions, input)
      this.knowsTables = true
    }
    if (value === mode.goFunctions && !this.knowsGo) {
      findGoFunctions(kernel, side.goTables, input)
      this.knowsGo = true
    }
  }

  /** Begins another pass, with one mode everywhere; what the last one showed is forgotten. */
  restart(value: number): void {
    this.kernel.exports.forget()
    this.useModes([{ mode: value, cells: this.kernel.cells.length }])
  }

  /** In place: differences become new bytes. */
  restore(copyIndex: number, offset: number, block: Uint8Array): void {
    this.load(copyIndex, offset, block)
    this.kernel.exports.restore(copyIndex, offset, block.length)
    block.set(this.kernel.result.subarray(0, block.length))
  }

  /** In place: new bytes become differences. */
  difference(copyIndex: number, offset: number, block: Uint8Array): void {
    this.load(copyIndex, offset, block)
    this.kernel.exports.difference(copyIndex, offset, block.length)
    block.set(this.kernel.result.subarray(0, block.length))
  }

  /** How many new bytes would differ, for each cell that they touch; valid until the next call. */
  differing(copyIndex: number, offset: number, bytes: Uint8Array): Uint16Array {
    const { exports, counts } = this.kernel
    this.load(copyIndex, offset, bytes)
    exports.difference(copyIndex, offset, bytes.length)
    exports.countDifferences()
    const into = ((this.input.copies[copyIndex] as CopyOp).newPosition + offset) % cellBytes
    return counts.subarray(0, Math.ceil((into + bytes.length) / cellBytes))
  }

  /** Puts the old bytes of a window with their context, and the bytes to transform, in place. */
  private load(copyIndex: number, offset: number, block: Uint8Array): void {
    const { copies, oldSize } = this.input
    const copy = copies[copyIndex]
    if (copy === undefined || offset % windowBytes !== 0) throw new TypeError('no such window')
    const length = Math.min(windowBytes, copy.length - offset)
    if (block.length !== length) throw new TypeError('not a whole window')
    const { old, given } = this.kernel
    const position = copy.oldPosition + offset
    const end = contextBytes + length
    const lead = Math.min(contextBytes, position)
    const tail = Math.min(contextBytes, oldSize - position - length)
    this.input.readOld(position - lead, old.subarray(contextBytes - lead, end + tail))
    old.fill(0, end + tail, end + contextBytes)
    given.set(block)
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
