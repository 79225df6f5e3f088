import type { FileHandle } from '../../store/durable-files/index.ts'

type State = 'growing' | 'verified' | 'failed'

/**
 * A file that is read while it is being written. Its last byte is shown only when all of them are
 * verified, so that nobody takes a wrong or broken download for a whole one. The file is closed
 * when the writer and every reader are done.
 */
export class GrowingFile {
  readonly size: number
  readonly #handle: FileHandle
  #written = 0
  #state: State = 'growing'
  #waiting: (() => void)[] = []
  #users = 1

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle
    this.size = size
  }

  get written(): number {
    return this.#written
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** The writer's: bytes are in the file up to here. */
  grow(written: number): void {
    this.#written = written
    this.#wake()
  }

  /** The writer's: ends the growing, for better or worse. */
  settle(state: 'verified' | 'failed'): void {
    this.#state = state
    this.#wake()
    this.#leave()
  }

  /** A reader of the file; undefined once it has failed. */
  open(): GrowingReader | undefined {
    if (this.#state === 'failed' || this.#users === 0) return undefined
    this.#users += 1
    let closed = false
    return {
      read: (position, into) => this.#read(position, into),
      close: () => {
        if (closed) return
        closed = true
        this.#leave()
      },
    }
  }

  async #read(position: number, into: Uint8Array): Promise<number> {
    for (;;) {
      const end = this.#shown()
      if (position < end) {
        return this.#handle.read(
          position,
          into.subarray(0, Math.min(into.byteLength, end - position)),
        )
      }
      if (this.#state !== 'growing') return 0
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  #shown(): number {
    if (this.#state === 'verified') return this.size
    return this.#state === 'failed' ? 0 : Math.min(this.#written, this.size - 1)
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume()
  }

  #leave(): void {
    this.#users -= 1
    if (this.#users === 0) this.#handle.close().catch(() => undefined)
  }
}

export interface GrowingReader {
  read(position: number, into: Uint8Array): Promise<number>
  close(): void
}
