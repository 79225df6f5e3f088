const multiplier = 0x2c1b3c6d
const scatter = 0x9e3779b1

/** Hashes of strings of one length that follow each other byte by byte; the kernel has the same. */
export class RollingHash {
  /** Bytes of the strings. */
  readonly length: number
  /** What a byte still counts when it leaves the string. */
  private readonly leaving: number

  constructor(length: number) {
    this.length = length
    let leaving = 1
    for (let i = 0; i < length; i++) leaving = Math.imul(leaving, multiplier)
    this.leaving = leaving
  }

  /** The hash of the bytes at `at`. */
  of(bytes: Uint8Array, at: number): number {
    let hash = 0
    for (let i = 0; i < this.length; i++) {
      hash = (Math.imul(hash, multiplier) + (bytes[at + i] as number) + 1) | 0
    }
    return hash
  }

  /** The hash one position further on: `out` is the byte that leaves, `into` the one that enters. */
  roll(hash: number, out: number, into: number): number {
    return (Math.imul(hash, multiplier) + into + 1 - Math.imul(out + 1, this.leaving)) | 0
  }
}

/** Spreads a hash over 32 bits: the highest ones number slots. */
export function mixed(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), scatter)
}
