import { deltaError } from '../errors.ts'
import type { BulkReader } from './bulk-reader.ts'
import { zeroBytes } from './zero-bytes.ts'

/** Zero differences that end a stretch of differing bytes. */
const pauseBytes = 3

/** Reads differences from the bulk streams: counts in one, differing bytes in the other. */
export class BulkDifferences {
  private readonly counts: BulkReader
  private readonly bytes: BulkReader
  private equal = 0
  private differing = 0

  constructor(counts: BulkReader, bytes: BulkReader) {
    this.counts = counts
    this.bytes = bytes
  }

  /** Adds `count` differences at `at`, of a copy that has `left` left. */
  decode(into: Uint8Array, at: number, count: number, left: number): void {
    for (let i = 0; i < count; ) {
      if (this.equal === 0 && this.differing === 0) {
        this.equal = this.counts.number()
        this.differing = this.counts.number()
        const total = this.equal + this.differing
        if (total === 0 || total > left - i) {
          throw deltaError('LW_DELTA_FORMAT', { detail: 'A run is longer than its copy.' })
        }
      }
      const skipped = Math.min(this.equal, count - i)
      this.equal -= skipped
      i += skipped
      const taken = Math.min(this.differing, count - i)
      this.bytes.add(into, at + i, taken)
      this.differing -= taken
      i += taken
    }
  }
}

/** Collects what `BulkDifferences` reads. */
export class BulkDifferencesSink {
  readonly counts: number[] = []
  readonly bytes: Uint8Array[] = []
  bytesTotal = 0

  /** Takes all differences of a copy. */
  encode(differences: Uint8Array): void {
    for (let i = 0; i < differences.length; ) {
      const equal = zeroBytes(differences, i, differences.length - i)
      i += equal
      const start = i
      i = stretchEnd(differences, i)
      this.count(equal)
      this.count(i - start)
      this.bytes.push(differences.subarray(start, i))
      this.bytesTotal += i - start
    }
  }

  private count(value: number): void {
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.counts.push((rest % 128) + 128)
    this.counts.push(rest)
  }
}

/** Where the differing bytes end: before so many zeros that a new count is worth it. */
function stretchEnd(differences: Uint8Array, start: number): number {
  let zeros = 0
  for (let i = start; i < differences.length; i++) {
    zeros = differences[i] === 0 ? zeros + 1 : 0
    if (zeros === pauseBytes) return i + 1 - pauseBytes
  }
  return differences.length - zeros
}
