import type { EntropyKernel } from '../entropy/entropy-kernel.ts'

/** Lets the literal model learn from old bytes what the literals will probably be like. */
export function primeLiterals(kernel: EntropyKernel, bytes: Uint8Array): void {
  const { output, outputAt, doors } = kernel
  for (let at = 0; at < bytes.length; at += output.length) {
    const piece = bytes.subarray(at, at + output.length)
    output.set(piece)
    doors.primeLiterals(outputAt, piece.length, at)
  }
}
