import type { EntropyKernel } from '../entropy/entropy-kernel.ts'

/** A run of literals of a file to encode. */
export interface LiteralRun {
  readonly pool: Uint8Array
  /** Where it begins in the pool, and its bytes. */
  readonly at: number
  readonly count: number
  /** The old bytes that a substitution would replace: from `beside` to `besideEnd` of the pool. */
  readonly beside: number
  readonly besideEnd: number
}

/** Encodes a run of literals with the literal model. */
export function encodeLiterals(kernel: EntropyKernel, run: LiteralRun): void {
  const { output, pool: oldRoom, doors } = kernel
  const { pool, at, count, beside, besideEnd } = run
  for (let done = 0; done < count; done += output.length) {
    const take = Math.min(output.length, count - done)
    output.set(pool.subarray(at + done, at + done + take))
    const from = beside + done
    const besideCount = Math.max(0, Math.min(take, besideEnd - from))
    oldRoom.set(pool.subarray(from, from + besideCount))
    doors.encodeLiterals(take, besideCount, done)
  }
}
