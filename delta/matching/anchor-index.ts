import type { PoolPart } from './pool-part.ts'

const multiplier = 0x2c1b3c6d
const coarseStep = 16

/**
 * Where short strings of the base lie: every `step`-th position by the hash of the `length` bytes
 * from there on; the first and the last position of each hash are kept.
 */
export class AnchorIndex {
  readonly length: number
  private readonly table: Int32Array
  private readonly shift: number
  private readonly leaving: number

  /** Takes in the parts of `base` that are given, all of it when none are. */
  constructor(
    base: Uint8Array,
    options: {
      readonly length: number
      readonly step: number
      readonly parts?: readonly PoolPart[]
    },
  ) {
    const { length, step, parts = [{ position: 0, size: base.length }] } = options
    this.length = length
    const stepOf = (part: PoolPart): number => (part.coarse === true ? coarseStep : step)
    const entries = parts.reduce((sum, part) => sum + part.size / stepOf(part), 0)
    const bits = Math.min(22, Math.max(8, Math.ceil(Math.log2(entries + 1))))
    this.table = new Int32Array(2 << bits).fill(-1)
    this.shift = 32 - bits
    let leaving = 1
    for (let i = 0; i < length; i++) leaving = Math.imul(leaving, multiplier)
    this.leaving = leaving
    for (const part of parts) {
      this.fill(base, stepOf(part), part.position, part.position + part.size)
    }
  }

  /** The hash of the bytes at `at`. */
  hash(bytes: Uint8Array, at: number): number {
    let hash = 0
    for (let i = 0; i < this.length; i++) {
      hash = (Math.imul(hash, multiplier) + (bytes[at + i] as number) + 1) | 0
    }
    return hash
  }

  /** The hash one position further on. */
  roll(hash: number, out: number, into: number): number {
    return (Math.imul(hash, multiplier) + into + 1 - Math.imul(out + 1, this.leaving)) | 0
  }

  /** The slot of a hash: `first` and `last` tell what lies there. */
  slot(hash: number): number {
    return (Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) >>> this.shift) << 1
  }

  first(slot: number): number {
    return this.table[slot] as number
  }

  last(slot: number): number {
    return this.table[slot + 1] as number
  }

  private fill(base: Uint8Array, step: number, start: number, stop: number): void {
    const { length, table, shift, leaving } = this
    const end = stop - length
    if (end < start) return
    let hash = this.hash(base, start)
    let wait = 0
    for (let at = start; at < end; at++) {
      if (wait === 0) {
        const slot = (Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) >>> shift) << 1
        if ((table[slot] as number) < 0) table[slot] = at
        else table[slot + 1] = at
        wait = step
      }
      wait--
      const out = Math.imul((base[at] as number) + 1, leaving)
      hash = (Math.imul(hash, multiplier) + (base[at + length] as number) + 1 - out) | 0
    }
  }
}
