import type { FileRange } from './analysis.ts'
import type { CoderInput, CopyOp } from './coder.ts'
import { referenceLimits } from './limits.ts'

/** Both sides of a delta in memory. */
export interface PlanInput {
  readonly old: Uint8Array
  readonly next: Uint8Array
  readonly copies: readonly CopyOp[]
  /** Where the single files lie in `old` and `next`; one file each when left out. */
  readonly oldFiles?: readonly FileRange[]
  readonly nextFiles?: readonly FileRange[]
}

export function coderInput(input: PlanInput): CoderInput {
  return {
    copies: input.copies,
    oldSize: input.old.length,
    newSize: input.next.length,
    readOld: (position, into) => into.set(input.old.subarray(position, position + into.length)),
  }
}

export interface PlanWindow {
  readonly number: number
  readonly copyIndex: number
  readonly offset: number
  readonly newPosition: number
  /** A copy of the new bytes. */
  readonly block: Uint8Array
}

const { windowBytes } = referenceLimits

export function eachWindow(input: PlanInput, use: (window: PlanWindow) => void): void {
  let number = 0
  for (const [copyIndex, copy] of input.copies.entries()) {
    for (let offset = 0; offset < copy.length; offset += windowBytes) {
      const newPosition = copy.newPosition + offset
      const end = newPosition + Math.min(windowBytes, copy.length - offset)
      // Not slice: that of a Buffer would share memory.
      const block = new Uint8Array(input.next.subarray(newPosition, end))
      use({ number, copyIndex, offset, newPosition, block })
      number++
    }
  }
}
