import type { PositionalReader } from './decoder.ts'
import { gdiffLimits } from './limits.ts'
import { GdiffWriter } from './writer.ts'

const factor = 0x01000193

export interface GdiffStreamOptions {
  readonly old: PositionalReader
  readonly next: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  /** Bytes that are compared at once; smaller finds more and remembers more. */
  readonly blockBytes?: number
  readonly signal?: AbortSignal
}

/**
 * Makes a difference between files of any size in bounded memory (about 50 MiB): blocks of the
 * old file are remembered by a rolling hash, and a block that the new file also has is compared
 * byte by byte and followed as far as both go on.
 */
export async function* encodeGdiffStream(
  options: GdiffStreamOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const out: Uint8Array[] = []
  const writer = new GdiffWriter((bytes) => out.push(bytes))
  const blockBytes = options.blockBytes ?? blockBytesFor(options.old.size)
  const blocks = await BlockTable.of(options.old, blockBytes, options.signal)
  const scanner = new Scanner(options.old, blocks, writer)
  for await (const piece of options.next) {
    options.signal?.throwIfAborted()
    await scanner.push(piece)
    yield* out.splice(0)
  }
  await scanner.end()
  writer.end()
  yield* out.splice(0)
}

/** 64 bytes while the table has room, then as much more as keeps within it. */
export function blockBytesFor(oldBytes: number): number {
  let blockBytes = 64
  while (oldBytes / blockBytes > gdiffLimits.blocksMax) blockBytes *= 2
  return blockBytes
}

async function readFully(old: PositionalReader, at: number, into: Uint8Array): Promise<number> {
  let done = 0
  while (done < into.byteLength) {
    const got = await old.read(at + done, into.subarray(done))
    if (got <= 0) break
    done += got
  }
  return done
}

/** Blocks of the old file by hash: open addressing, the first of equal blocks is kept. */
class BlockTable {
  readonly blockBytes: number
  /** `factor` to the power of the block size less one: what the leaving byte was multiplied by. */
  readonly leaving: number
  readonly #hashes: Int32Array
  readonly #blocks: Int32Array
  readonly #mask: number

  static async of(
    old: PositionalReader,
    blockBytes: number,
    signal: AbortSignal | undefined,
  ): Promise<BlockTable> {
    const count = Math.floor(old.size / blockBytes)
    const table = new BlockTable(blockBytes, count)
    const blocksAtOnce = Math.max(1, Math.floor(gdiffLimits.pieceBytesMax / blockBytes))
    const buffer = new Uint8Array(blocksAtOnce * blockBytes)
    for (let block = 0; block < count; block += blocksAtOnce) {
      signal?.throwIfAborted()
      const got = await readFully(old, block * blockBytes, buffer)
      for (
        let at = 0;
        at + blockBytes <= got && block + at / blockBytes < count;
        at += blockBytes
      ) {
        table.#add(hashOf(buffer, at, blockBytes), block + at / blockBytes)
      }
    }
    return table
  }

  private constructor(blockBytes: number, count: number) {
    this.blockBytes = blockBytes
    let leaving = 1
    for (let i = 1; i < blockBytes; i++) leaving = Math.imul(leaving, factor)
    this.leaving = leaving
    const slots = 2 ** Math.max(4, Math.ceil(Math.log2(count * 2 + 1)))
    this.#mask = slots - 1
    this.#hashes = new Int32Array(slots)
    this.#blocks = new Int32Array(slots).fill(-1)
  }

  /** The block with this hash, or -1. */
  find(hash: number): number {
    let slot = this.#slotOf(hash)
    while (this.#blocks[slot] !== -1) {
      if (this.#hashes[slot] === hash) return this.#blocks[slot] ?? -1
      slot = (slot + 1) & this.#mask
    }
    return -1
  }

  #add(hash: number, block: number): void {
    let slot = this.#slotOf(hash)
    while (this.#blocks[slot] !== -1) {
      if (this.#hashes[slot] === hash) return
      slot = (slot + 1) & this.#mask
    }
    this.#hashes[slot] = hash
    this.#blocks[slot] = block
  }

  #slotOf(hash: number): number {
    const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    return (mixed ^ (mixed >>> 13)) & this.#mask
  }
}

function hashOf(bytes: Uint8Array, from: number, length: number): number {
  let hash = 0
  for (let i = from; i < from + length; i++) hash = (Math.imul(hash, factor) + (bytes[i] ?? 0)) | 0
  return hash
}

/** Walks over the new file; holds back literals until they fill up or a copy ends them. */
class Scanner {
  readonly #old: PositionalReader
  readonly #blocks: BlockTable
  readonly #writer: GdiffWriter
  readonly #arrived: Uint8Array[] = []
  #arrivedBytes = 0
  /** Not yet written: literals up to `#at`, then bytes that are still looked at. */
  #window: Uint8Array = new Uint8Array(0)
  #at = 0
  #hash: number | undefined
  /** Where the old file goes on while a copy runs. */
  #copyAt: number | undefined

  constructor(old: PositionalReader, blocks: BlockTable, writer: GdiffWriter) {
    this.#old = old
    this.#blocks = blocks
    this.#writer = writer
  }

  async push(piece: Uint8Array): Promise<void> {
    this.#arrived.push(piece)
    this.#arrivedBytes += piece.byteLength
    // Small pieces are gathered: each look joins them to the window.
    if (this.#arrivedBytes >= gdiffLimits.pieceBytesMax) await this.#look()
  }

  async end(): Promise<void> {
    await this.#look()
    this.#flushLiterals(this.#window.byteLength)
  }

  async #look(): Promise<void> {
    this.#window = Buffer.concat([this.#window, ...this.#arrived.splice(0)])
    this.#arrivedBytes = 0
    const { blockBytes } = this.#blocks
    if (this.#copyAt !== undefined) await this.#goOn()
    while (this.#at + blockBytes <= this.#window.byteLength) {
      this.#hash ??= hashOf(this.#window, this.#at, blockBytes)
      const block = this.#blocks.find(this.#hash)
      if (block === -1 || !(await this.#startCopy(block * blockBytes))) this.#step()
    }
  }

  /** One byte on without a copy. */
  #step(): void {
    const { blockBytes, leaving } = this.#blocks
    const gone = this.#window[this.#at] ?? 0
    const come = this.#window[this.#at + blockBytes]
    const hash = this.#hash
    this.#at++
    this.#hash =
      come === undefined || hash === undefined
        ? undefined
        : (Math.imul(hash - Math.imul(gone, leaving), factor) + come) | 0
    if (this.#at >= gdiffLimits.pendingBytesMax) this.#flushLiterals(this.#at)
  }

  async #startCopy(position: number): Promise<boolean> {
    const { blockBytes } = this.#blocks
    const block = new Uint8Array(blockBytes)
    const got = await readFully(this.#old, position, block)
    const here = this.#window.subarray(this.#at, this.#at + blockBytes)
    if (got < blockBytes || Buffer.compare(block, here) !== 0) return false
    const back = await this.#sharedBefore(position)
    this.#flushLiterals(this.#at - back)
    this.#writer.copy(position - back, back + blockBytes)
    this.#drop(back + blockBytes)
    this.#copyAt = position + blockBytes
    await this.#goOn()
    return true
  }

  /** How many pending literals before here equal the old bytes before `position`. */
  async #sharedBefore(position: number): Promise<number> {
    const before = new Uint8Array(Math.min(this.#at, position, gdiffLimits.pieceBytesMax))
    if ((await readFully(this.#old, position - before.byteLength, before)) < before.byteLength) {
      return 0
    }
    let back = 0
    while (
      back < before.byteLength &&
      before[before.byteLength - 1 - back] === this.#window[this.#at - 1 - back]
    ) {
      back++
    }
    return back
  }

  /** Follows a running copy through the window; ends it at the first difference. */
  async #goOn(): Promise<void> {
    while (this.#copyAt !== undefined && this.#window.byteLength > 0) {
      const want = Math.min(this.#window.byteLength, gdiffLimits.pieceBytesMax)
      const bytes = new Uint8Array(Math.min(want, Math.max(0, this.#old.size - this.#copyAt)))
      const got = await readFully(this.#old, this.#copyAt, bytes)
      let same = 0
      while (same < got && bytes[same] === this.#window[same]) same++
      this.#writer.copy(this.#copyAt, same)
      this.#drop(same)
      this.#copyAt = same < want ? undefined : this.#copyAt + same
    }
  }

  #flushLiterals(upTo: number): void {
    if (upTo > 0) this.#writer.literal(this.#window.subarray(0, upTo))
    this.#window = this.#window.subarray(upTo)
    this.#at -= upTo
  }

  /** Removes bytes that a copy covers from the front. */
  #drop(length: number): void {
    this.#window = this.#window.subarray(length)
    this.#at = 0
    this.#hash = undefined
  }
}
