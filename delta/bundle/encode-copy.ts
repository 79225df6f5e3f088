import type { EntropyKernel } from '../entropy/entropy-kernel.ts'

/** Copies beyond are always counted. */
const walkMax = 1 << 16

const costs = Int32Array.from({ length: 256 }, (_, i) =>
  Math.round(-256 * Math.log2((i + 0.5) / 256)),
)

/** Sets a kernel up for `encodeCopy`. */
export function prepareCopies(kernel: EntropyKernel): void {
  kernel.costs.set(costs)
}

/**
 * Encodes how long an exact copy from `from` is that could have `left` bytes: by a count, or by "until
 * a mark" where that is cheaper.
 */
export function encodeCopy(
  kernel: EntropyKernel,
  pool: Uint8Array,
  copy: { readonly from: number; readonly count: number; readonly left: number },
): void {
  const { from, count, left } = copy
  const { doors, pool: oldRoom } = kernel
  const end = from + count
  const walkable = count <= walkMax && count < left
  if (walkable) oldRoom.set(pool.subarray(from, end + 1))
  if (walkable && doors.pays(count) === 1) {
    doors.encodeWalk(count)
    pushTail(kernel, pool, from, end)
    return
  }
  doors.encodeLength(count, left)
  pushTail(kernel, pool, from, end)
  if (count < left) doors.mark(pool[end] as number)
}

/** Tells the last four of these bytes as the last ones of output. */
export function pushTail(
  kernel: EntropyKernel,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  for (let i = Math.max(start, end - 4); i < end; i++) kernel.doors.pushByte(bytes[i] as number)
}
