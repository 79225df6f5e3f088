/*
 * What lies where in the kernel's memory. It is all zero at first, and every model is laid out so that
 * zeros are what it is at first: nothing has to be filled, and pages that are never used cost nothing.
 */

/** `squash`: 6144 words of 16 bits. */
export const squashAt: usize = 0x1000
/** `stretch` of probabilities of 12 bits: 4096 words of 16 bits. */
export const stretchAt: usize = 0x4000
/** `step` of adaptive bits: 1024 words of 32 bits. */
export const stepsAt: usize = 0x6000
/** Bounds and rounding of weights: three vectors. */
export const weightBoundsAt: usize = 0x7000
/** Probabilities of the decisions of a byte that is encoded: eight words of 32 bits. */
export const decisionsAt: usize = 0x7040
/** What a decision costs by its probability: 256 words of 32 bits, for encoders. */
export const costsAt: usize = 0x7400
/** Operations that were decoded: triples of doubles. */
export const operationsAt: usize = 0x8000
export const operationsMost: u32 = 1024
/** Bytes of the range-coded stream: the next ones of a decoder, the last ones of an encoder. */
export const codedAt: usize = 0xf000
export const codedRoom: usize = 1 << 16
/** What cells of byte models become after a zero and after a one: 65,536 words of 16 bits each. */
export const nextCellsAt: usize = 0x20000
/** Bytes of output; those of a file, in order, for an encoder. A little behind may be written to. */
export const outputAt: usize = 0x60000
export const outputRoom: usize = 1 << 18
/** Old bytes: blocks of the pool, or what is beside the output of an encoder. */
export const poolAt: usize = 0xb0000
export const poolRoom: usize = 96 << 16

const modelsAt: usize = poolAt + poolRoom

let free: usize = modelsAt

/** Room for a model, all zero. The memory is made for the largest models; beyond, the kernel stops. */
export function allocate(bytes: usize): usize {
  const at = free
  free = (at + bytes + 63) & ~63
  if (free < at || free > (<usize>memory.size()) << 16) unreachable()
  return at
}
