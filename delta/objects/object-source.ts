import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Digest } from '../../protocol/index.ts'
import { deltaError } from '../errors.ts'

/** One object, open for reading by position. */
export interface ObjectReader {
  /** Bytes. */
  readonly size: number
  /** Fills `into` from `position` on as far as the object goes; returns the bytes read. */
  read(position: number, into: Uint8Array): Promise<number>
  /** The same without waiting, for objects that can; the others are spooled when it is needed. */
  readSync?(position: number, into: Uint8Array): number
  close(): Promise<void>
}

/** Where objects of the old or new release are found by their digest. */
export interface ObjectSource {
  /** @throws LW_DELTA_BASE when there is no such object. */
  open(sha256: Digest): Promise<ObjectReader>
}

/** Objects that lie in plain files. */
export function fileObjectSource(paths: ReadonlyMap<Digest, string>): ObjectSource {
  return {
    async open(sha256) {
      const path = paths.get(sha256)
      if (path === undefined) throw missing(sha256)
      // Without waiting: most objects are small, and a round through the thread pool costs more
      // than the reading.
      const descriptor = openSync(path, 'r')
      const { size } = fstatSync(descriptor)
      return {
        size,
        read: async (position, into) => readFully(descriptor, position, into),
        readSync: (position, into) => readFully(descriptor, position, into),
        close: async () => closeSync(descriptor),
      }
    },
  }
}

/** Fills `into` from `position` on as far as the file goes. */
export function readFully(descriptor: number, position: number, into: Uint8Array): number {
  let length = 0
  while (length < into.length) {
    const read = readSync(descriptor, into, length, into.length - length, position + length)
    if (read === 0) break
    length += read
  }
  return length
}

/** Objects that are in memory. */
export function memoryObjectSource(objects: ReadonlyMap<Digest, Uint8Array>): ObjectSource {
  return {
    async open(sha256) {
      const bytes = objects.get(sha256)
      if (bytes === undefined) throw missing(sha256)
      return {
        size: bytes.length,
        async read(position, into) {
          const part = bytes.subarray(position, position + into.length)
          into.set(part)
          return part.length
        },
        readSync(position, into) {
          const part = bytes.subarray(position, position + into.length)
          into.set(part)
          return part.length
        },
        async close() {},
      }
    },
  }
}

function missing(sha256: Digest): Error {
  return deltaError('LW_DELTA_BASE', { detail: `There is no object ${sha256}.` })
}
