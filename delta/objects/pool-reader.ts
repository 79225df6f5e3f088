import assert from 'node:assert/strict'
import { deltaError } from '../errors.ts'
import { deltaLimits } from '../limits.ts'
import type { ObjectReader } from './object-source.ts'
import type { Scratch } from './scratch.ts'

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
  private readonly blocks = new Map<string, Uint8Array>()
  private readonly readers = new Map<number, ObjectReader>()
  private lastIndex = 0

  constructor(objects: readonly PoolObject[]) {
    for (const object of objects) this.append(object)
  }

  /** Adds the object that comes next in the pool. */
  append(object: PoolObject): void {
    assert(object.position === this.bytes, 'objects follow each other in the pool')
    this.bytes += object.size
    if (object.size > 0) this.objects.push(object)
  }

  /** Copies `count` bytes from `position` into `into` at `at`. */
  async read(position: number, into: Uint8Array, at: number, count: number): Promise<void> {
    if (position < 0 || position + count > this.bytes) {
      throw deltaError('LW_DELTA_FORMAT', { detail: 'A copy from outside the base.' })
    }
    let done = 0
    while (done < count) {
      const index = this.find(position + done)
      const object = this.objects[index] as PoolObject
      const offset = position + done - object.position
      const number = Math.floor(offset / deltaLimits.segmentBytes)
      const key = `${index}:${number}`
      let block = this.blocks.get(key)
      if (block === undefined) block = await this.load(key, index, number)
      const from = offset - number * deltaLimits.segmentBytes
      const take = Math.min(count - done, block.length - from)
      into.set(block.subarray(from, from + take), at + done)
      done += take
    }
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

  /** Opens the object at a place so that it can be read without waiting. */
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
    if (reader.readSync !== undefined) {
      return {
        read: (at, into) => check(reader.readSync?.(at, into) ?? 0, into),
        release: () => reader.close(),
      }
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

  private async load(key: string, index: number, number: number): Promise<Uint8Array> {
    const object = this.objects[index] as PoolObject
    const start = number * deltaLimits.segmentBytes
    const block = new Uint8Array(Math.min(deltaLimits.segmentBytes, object.size - start))
    const reader = await this.reader(index)
    if ((await reader.read(start, block)) !== block.length) {
      throw shorter()
    }
    if (this.blocks.size >= deltaLimits.baseBlocksMax) {
      this.blocks.delete(this.blocks.keys().next().value as string)
    }
    this.blocks.set(key, block)
    return block
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

function shorter(): Error {
  return deltaError('LW_DELTA_BASE', { detail: 'An old object is shorter than its manifest says.' })
}
