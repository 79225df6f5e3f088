import { clampProbability } from './adaptive-bits.ts'
import type { BinaryCoder } from './binary-coder.ts'
import { squashTable, stepTable, stretchTable } from './logistic.ts'

const cellBits = 16
const visitsMax = 1023
/** Before anything is known one copy in 256 ends at a byte. */
const unlikely = (1 << 24) | 2
const weightMax = 0x7ffff

/**
 * Says byte by byte whether a copy ends here, from the old byte that would come next, the bytes
 * before it and how long the copy has been going.
 */
export class HazardModel {
  private readonly near = new Int32Array(1 << cellBits).fill(unlikely)
  private readonly far = new Int32Array(1 << cellBits).fill(unlikely)
  private readonly lengths = new Int32Array(64 * 256).fill(unlikely)
  private readonly weights = new Int32Array(64 * 4).fill(26000)

  /**
   * Codes whether the copy ends before the byte `next`; `recent` are the four bytes before, the last one
   * lowest, `earlier` the four before those, `length` the bytes copied so far.
   */
  code(
    coder: BinaryCoder,
    ends: number,
    recent: number,
    earlier: number,
    next: number,
    length: number,
  ): number {
    const { near, far, lengths, weights } = this
    const bucket = length < 16 ? length : 43 - Math.clz32(length)
    const a = Math.imul(((recent & 0xffff) << 8) | next, 0x9e3779b1) >>> (32 - cellBits)
    const b =
      Math.imul(
        Math.imul(recent, 0x2c1b3c6d) + Math.imul(earlier & 0xffff, 0x297a2d39) + next,
        0x9e3779b1,
      ) >>>
      (32 - cellBits)
    const c = bucket * 256 + next
    const ca = near[a] as number
    const cb = far[b] as number
    const cc = lengths[c] as number
    const sa = stretchTable[ca >>> 16] as number
    const sb = stretchTable[cb >>> 16] as number
    const sc = stretchTable[cc >>> 16] as number
    const w = bucket * 4
    let sum =
      Math.imul(sa, weights[w] as number) +
      Math.imul(sb, weights[w + 1] as number) +
      Math.imul(sc, weights[w + 2] as number) -
      256 * (weights[w + 3] as number)
    sum = Math.floor(sum / 65536)
    if (sum > 3071) sum = 3071
    else if (sum < -3072) sum = -3072
    const p = squashTable[sum + 3072] as number
    const bit = coder.code(ends, clampProbability(p))
    const error = (bit << 16) - p
    if (error > 32 || error < -32) {
      weights[w] = nudge(weights[w] as number, sa, error)
      weights[w + 1] = nudge(weights[w + 1] as number, sb, error)
      weights[w + 2] = nudge(weights[w + 2] as number, sc, error)
      weights[w + 3] = nudge(weights[w + 3] as number, -256, error)
    }
    near[a] = moved(ca, bit)
    far[b] = moved(cb, bit)
    lengths[c] = moved(cc, bit)
    return bit
  }
}

function moved(cell: number, bit: number): number {
  const visits = cell & 1023
  const move =
    Math.imul(((bit << 22) - (cell >>> 10)) >> 3, stepTable[visits] as number) & 0xfffffc00
  return (cell + move + (visits < visitsMax ? 1 : 0)) | 0
}

function nudge(weight: number, input: number, error: number): number {
  const next = weight + ((Math.imul(input, error) + 0x4000) >> 15)
  return Math.min(weightMax, Math.max(-weightMax, next))
}
