import assert from 'node:assert/strict'
import { deltaError } from '../errors.ts'
import { deltaLimits } from '../limits.ts'
import type { ObjectReader } from './object-source.ts'
import type { Scratch } from './scratch.ts'

const noBytes = new Uint8Array(0)

/** One object of the pool. */
export interface PoolObject {
  readonly position: number
  readonly size: number
  open(): Promise<ObjectReader>
}

/**
 * Reads the pool (the concatenation of the base objects and of those built so far) by position, through a bounded number of blocks and
 * of open objects.
 */
export class PoolReader {
  bytes = 0
  private readonly objects: PoolObject[] = []
  /** The one that was looked at last comes last. */
  private readonly blocks = new Map<number, Uint8Array>()
  private readonly readers = new Map<number, ObjectReader>()
  private lastIndex = 0
  /** The block that was looked at last, where it begins in the pool, and the place in it. */
  nearBytes: Uint8Array = noBytes
  nearAt = 0
  private nearStart = 0
  /** Where the blocks are kept. */
  private readonly memory: Uint8Array

  /** `memory` has room for so many blocks of `segmentBytes` as are kept. */
  constructor(objects: readonly PoolObject[], memory: Uint8Array) {
    this.memory = memory
    for (const object of objects) this.append(object)
  }

  /** Adds the object that comes next in the pool. */
  append(object: PoolObject): void {
    assert(object.position === this.bytes, 'objects follow each other in the pool')
    this.bytes += object.size
    if (object.size > 0) this.objects.push(object)
  }

  /**
   * How many bytes from `position` on are at hand: `nearBytes` holds them from `nearAt` on. When
   * it is 0, `approach` gets them.
   */
  near(position: number): number {
    let offset = position - this.nearStart
    if (offset < 0 || offset >= this.nearBytes.length) {
      if (!this.turnTo(position)) return 0
      offset = position - this.nearStart
    }
    this.nearAt = offset
    return this.nearBytes.length - offset
  }

  /** Loads the block of a position. */
  async approach(position: number): Promise<void> {
    if (position < 0 || position >= this.bytes) throw outside()
    const index = this.find(position)
    if (!this.readers.has(index)) await this.reader(index)
    if (this.near(position) > 0) return
    const { position: start } = this.objects[index] as PoolObject
    await this.load(index, Math.floor((position - start) / blockBytes))
    this.near(position)
  }

  /** Copies `count` bytes from `position` into `into` at `at`. */
  async read(position: number, into: Uint8Array, at: number, count: number): Promise<void> {
    for (let done = this.readNow(position, into, at, count); done < count; ) {
      await this.approach(position + done)
      done += this.readNow(position + done, into, at + done, count - done)
    }
  }

  /** Copies as many of the bytes as are at hand; returns their number. */
  readNow(position: number, into: Uint8Array, at: number, count: number): number {
    if (position < 0 || position + count > this.bytes) throw outside()
    for (let done = 0; done < count; ) {
      const take = Math.min(count - done, this.near(position + done))
      if (take === 0) return done
      into.set(this.nearBytes.subarray(this.nearAt, this.nearAt + take), at + done)
      done += take
    }
    return count
  }

  /** A part of the pool as an object. */
  part(position: number, size: number): ObjectReader {
    return {
      size,
      read: async (at, into) => {
        const count = Math.min(into.length, size - at)
        await this.read(position + at, into, 0, count)
        return count
      },
      close: async () => {},
    }
  }

  /** The object that a place lies in. */
  objectAt(position: number): PoolObject | undefined {
    if (!(position >= 0 && position < this.bytes)) return undefined
    return this.objects[this.find(position)]
  }

  /**
   * Opens the object at a place so that it can be read without waiting. Short reads come from the
   * blocks, which have what was copied from lately; another block may be the near one afterwards.
   */
  async readableAtOnce(
    position: number,
    scratch: Scratch,
  ): Promise<{ read(position: number, into: Uint8Array): void; release(): Promise<void> }> {
    const object = this.objectAt(position)
    if (object === undefined) throw new TypeError('no object at this place')
    const reader = await object.open()
    const check = (length: number, into: Uint8Array): void => {
      if (length !== into.length) throw shorter()
    }
    const readSync = reader.readSync?.bind(reader)
    if (readSync !== undefined) {
      const read = (at: number, into: Uint8Array): void => {
        const short = into.length <= 2 * blockBytes && at + into.length <= object.size
        const done = short ? this.readNow(object.position + at, into, 0, into.length) : 0
        if (done < into.length) check(done + readSync(at + done, into.subarray(done)), into)
      }
      return { read, release: () => reader.close() }
    }
    const spool = await scratch.create()
    try {
      await spool.fill(reader)
    } finally {
      await reader.close()
    }
    return { read: (at, into) => check(spool.read(at, into), into), release: () => spool.remove() }
  }

  async close(): Promise<void> {
    const readers = [...this.readers.values()]
    this.readers.clear()
    this.blocks.clear()
    this.nearBytes = noBytes
    for (const reader of readers) await reader.close()
  }

  private find(position: number): number {
    const { objects } = this
    const last = objects[this.lastIndex] as PoolObject
    if (position >= last.position && position < last.position + last.size) return this.lastIndex
    let low = 0
    let high = objects.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((objects[middle] as PoolObject).position <= position) low = middle
      else high = middle - 1
    }
    this.lastIndex = low
    return low
  }

  /** Makes the block of a position the near one, without waiting; whether that was possible. */
  private turnTo(position: number): boolean {
    if (!(position >= 0 && position < this.bytes)) return false
    const index = this.find(position)
    const object = this.objects[index] as PoolObject
    const number = Math.floor((position - object.position) / blockBytes)
    const key = keyOf(index, number)
    const block = this.blocks.get(key) ?? this.loadNow(index, number)
    if (block === undefined) return false
    this.blocks.delete(key)
    this.blocks.set(key, block)
    this.nearBytes = block
    this.nearStart = object.position + number * blockBytes
    return true
  }

  /** Loads a block of an object that is open and need not be waited for. */
  private loadNow(index: number, number: number): Uint8Array | undefined {
    const reader = this.readers.get(index)
    if (reader?.readSync === undefined) return undefined
    const block = this.room(index, number)
    if (reader.readSync(number * blockBytes, block) !== block.length) throw shorter()
    this.blocks.set(keyOf(index, number), block)
    return block
  }

  private async load(index: number, number: number): Promise<void> {
    const reader = await this.reader(index)
    const block = this.room(index, number)
    if ((await reader.read(number * blockBytes, block)) !== block.length) throw shorter()
    this.blocks.set(keyOf(index, number), block)
  }

  /** Room for a block, that of the one that was not looked at for longest when there is no other. */
  private room(index: number, number: number): Uint8Array {
    const { size } = this.objects[index] as PoolObject
    const at = this.freed() ?? this.blocks.size * blockBytes
    // What was looked at may be another's in a moment; the one that is loaded takes its place.
    this.nearBytes = noBytes
    const end = at + Math.min(blockBytes, size - number * blockBytes)
    return this.memory.subarray(at, end)
  }

  /** Where the memory is that a block gives up, if one has to. */
  private freed(): number | undefined {
    if ((this.blocks.size + 1) * blockBytes <= this.memory.length) return undefined
    const [key, block] = this.blocks.entries().next().value as [number, Uint8Array]
    this.blocks.delete(key)
    return block.byteOffset - this.memory.byteOffset
  }

  private async reader(index: number): Promise<ObjectReader> {
    const open = this.readers.get(index)
    if (open !== undefined) return open
    if (this.readers.size >= deltaLimits.openObjectsMax) {
      const oldest = this.readers.keys().next().value as number
      const reader = this.readers.get(oldest)
      this.readers.delete(oldest)
      await reader?.close()
    }
    const object = this.objects[index] as PoolObject
    const reader = await object.open()
    this.readers.set(index, reader)
    if (reader.size !== object.size) {
      throw deltaError('LW_DELTA_BASE', {
        detail: 'An old object has another size than its manifest says.',
      })
    }
    return reader
  }
}

const blockBytes = deltaLimits.segmentBytes

function keyOf(index: number, number: number): number {
  return index * 2 ** 20 + number
}

function outside(): Error {
  return deltaError('LW_DELTA_FORMAT', { detail: 'A copy from outside the base.' })
}

function shorter(): Error {
  return deltaError('LW_DELTA_BASE', { detail: 'An old object is shorter than its manifest says.' })
}
