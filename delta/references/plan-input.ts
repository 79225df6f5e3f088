import type { FileRange } from './analysis.ts'
import type { CoderInput, CopyOp } from './coder.ts'

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
