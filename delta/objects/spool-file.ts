import { closeSync, fstatSync, openSync, writeSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { type ObjectReader, readFully } from './object-source.ts'

const pieceBytes = 64 * 1024

/** A file that is written once from its start, read by position without waiting, and removed. */
export class SpoolFile {
  readonly path: string
  size = 0
  private descriptor: number | undefined

  constructor(path: string) {
    this.path = path
    this.descriptor = openSync(path, 'w+', 0o600)
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      at += writeSync(this.open(), bytes, at, bytes.length - at, this.size + at)
    }
    this.size += bytes.length
  }

  /** Fills `into` from `position` on as far as the file goes. */
  read(position: number, into: Uint8Array): number {
    return readFully(this.open(), position, into)
  }

  /** Takes over all bytes of an object. */
  async fill(object: ObjectReader): Promise<void> {
    const piece = new Uint8Array(pieceBytes)
    for (let at = 0; at < object.size; ) {
      const length = await object.read(at, piece)
      if (length === 0) break
      this.write(piece.subarray(0, length))
      at += length
    }
  }

  /** Reads it as an object; closing that leaves the file open. */
  reader(): ObjectReader {
    const size = fstatSync(this.open()).size
    return {
      size,
      read: async (position, into) => this.read(position, into),
      readSync: (position, into) => this.read(position, into),
      close: async () => {},
    }
  }

  async remove(): Promise<void> {
    if (this.descriptor === undefined) return
    closeSync(this.descriptor)
    this.descriptor = undefined
    await rm(this.path, { force: true })
  }

  private open(): number {
    if (this.descriptor === undefined) throw new TypeError('the spool file is closed')
    return this.descriptor
  }
}
