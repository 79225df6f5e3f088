import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { NextBytes } from '../entropy/binary-decoder.ts'
import { deltaError } from '../errors.ts'

const pieceBytes = 64 * 1024

/** A whole bundle, in memory or on disk. */
export type BundleInput =
  | Uint8Array
  | {
      readonly path: string
      /** Where it begins in the file, 0 when left out. */
      readonly start?: number
    }

/** Reads a bundle by position with small buffers. */
export class BundleFile {
  readonly bytes: number
  private readonly memory: Uint8Array | undefined
  private readonly start: number = 0
  private descriptor: number | undefined

  /** @throws LW_DELTA_FORMAT for anything but a regular file, and what opening it gives */
  constructor(input: BundleInput) {
    if (input instanceof Uint8Array) {
      this.memory = input
      this.bytes = input.length
    } else {
      // Opening a pipe waits for its other end otherwise.
      this.descriptor = openSync(input.path, constants.O_RDONLY | constants.O_NONBLOCK)
      this.start = input.start ?? 0
      const status = fstatSync(this.descriptor)
      if (!status.isFile()) {
        this.close()
        throw deltaError('LW_DELTA_FORMAT', { detail: `${input.path} is no regular file.` })
      }
      this.bytes = Math.max(0, status.size - this.start)
    }
  }

  /** Up to `count` bytes from `position`. */
  read(position: number, count: number): Uint8Array {
    if (this.memory !== undefined) return this.memory.subarray(position, position + count)
    const piece = new Uint8Array(Math.max(0, Math.min(count, this.bytes - position)))
    if (this.descriptor === undefined || piece.length === 0) return piece.subarray(0, 0)
    const length = readSync(this.descriptor, piece, 0, piece.length, this.start + position)
    return piece.subarray(0, length)
  }

  /** The bytes from `start` to `end`, piece by piece. */
  next(start: number, end: number): NextBytes {
    let at = start
    return () => {
      const piece = this.read(at, Math.min(pieceBytes, end - at))
      at += piece.length
      return piece
    }
  }

  async *pieces(start: number, end: number): AsyncGenerator<Uint8Array> {
    const next = this.next(start, end)
    for (let piece = next(); piece.length > 0; piece = next()) yield piece
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor)
    this.descriptor = undefined
  }
}
