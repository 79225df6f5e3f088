import type { CoderInput } from './coder.ts'
import type { Region } from './layout.ts'
import { referenceLimits } from './limits.ts'
import type { Window } from './window.ts'

const granule = 4
const chunkBytes = 256 * 1024
const overlapBytes = 8
/** Bytes after its start that still belong to a table. */
const reach = 4096

/**
 * Tables of jump targets that count from the table's own start. Code that uses a table loads its
 * start (lea with a RIP-relative operand), so the old code tells where tables start.
 */
export class JumpTables {
  private readonly starts: Uint8Array
  private readonly limit: number
  /** The last question and its answer: questions come in ascending order. */
  private asked = -1
  private found = -1

  constructor(regions: readonly Region[], input: CoderInput) {
    const data = regions.filter(({ executable, address }) => !executable && address >= 0)
    const ends = data.map(({ address, size }) => address + size)
    this.limit = Math.min(Math.max(0, ...ends), referenceLimits.tableSpanMax)
    this.starts = new Uint8Array(Math.ceil(this.limit / granule / 8) + 1)
    for (const region of regions) {
      if (region.executable && region.address >= 0) this.scan(region, input)
    }
  }

  private scan(region: Region, input: CoderInput): void {
    const chunk = new Uint8Array(chunkBytes)
    for (let from = 0; from < region.size; from += chunkBytes - overlapBytes) {
      const bytes = chunk.subarray(0, Math.min(chunkBytes, region.size - from))
      input.readOld(region.position + from, bytes)
      this.scanChunk(bytes, region.address + from)
    }
  }

  private scanChunk(bytes: Uint8Array, address: number): void {
    const last = bytes.length - 6
    for (let at = bytes.indexOf(0x8d, 1); at > 0 && at <= last; at = bytes.indexOf(0x8d, at + 1)) {
      if (((bytes[at + 1] as number) & 0xc7) !== 5) continue
      const distance =
        (bytes[at + 2] as number) |
        ((bytes[at + 3] as number) << 8) |
        ((bytes[at + 4] as number) << 16) |
        ((bytes[at + 5] as number) << 24)
      const target = address + at + 6 + distance
      if (target < 0 || target >= this.limit || target % granule !== 0) continue
      const slot = target / granule
      this.starts[slot >>> 3] = (this.starts[slot >>> 3] as number) | (1 << (slot & 7))
    }
  }

  /** Transforms one entry; false when it lies in no table. */
  field(window: Window, at: number): boolean {
    const start = this.startAt(window.oldAddress + at)
    if (start < 0) return false
    const moved = window.targets.predict(start)
    return !Number.isNaN(moved) && window.based32(at, start, moved)
  }

  /** Start of the table that holds an address; -1 when there is none. */
  startAt(address: number): number {
    if (address % granule !== 0 || address < 0 || address >= this.limit) return -1
    let least = Math.max(0, address - reach)
    if (this.asked <= address && this.asked >= least) {
      if (this.found >= least) least = this.found
      else least = this.asked
    }
    let start = -1
    for (let at = address; at >= least && start < 0; at -= granule) {
      const slot = at / granule
      if (((this.starts[slot >>> 3] as number) & (1 << (slot & 7))) !== 0) start = at
    }
    this.asked = address
    this.found = start
    return start
  }
}
