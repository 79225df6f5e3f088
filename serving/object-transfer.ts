import { closeSync, read } from 'node:fs'
import type { ServerResponse } from 'node:http'
import type { BufferPool } from './buffer-pool.ts'
import { servingLimits as limits } from './limits.ts'
import type { Reader, SlowClients } from './slow-clients.ts'

/** Where an object's bytes come from, when they are not in memory. */
export interface ObjectReader {
  /** Descriptor of the file that holds the bytes, valid until `close`: reading it costs less. */
  readonly fd?: number | undefined
  /** Fills `into` from `position` on; resolves to the number of bytes, 0 at the end. */
  read(position: number, into: Uint8Array): Promise<number>
  close(): Promise<void> | void
}

/** An open object. Whoever it is handed to closes it. */
export type OpenObject =
  | { readonly kind: 'fd'; readonly fd: number }
  | { readonly kind: 'reader'; readonly reader: ObjectReader }

/** How a body ended. */
export type TransferOutcome = 'complete' | 'client-gone' | 'read-failed'

/** What `transferObject` takes. */
export interface TransferOptions {
  readonly response: ServerResponse
  readonly source: OpenObject
  /** First byte and the one behind the last. */
  readonly start: number
  readonly end: number
  readonly pool: BufferPool
  readonly slowClients: SlowClients
  readonly done: (outcome: TransferOutcome, bytes: number) => void
}

/** Sends a part of an open object as the body of a response whose head is written. */
export function transferObject(options: TransferOptions): void {
  new ObjectTransfer(options).start()
}

/** Gives an open object back that nobody reads. */
export function closeObject(source: OpenObject): void {
  if (source.kind === 'fd') {
    // Closing a file that was only read takes less time than handing it to another thread.
    closeSync(source.fd)
    return
  }
  // Nothing was read wrongly: a failing close has no one to tell.
  Promise.resolve(source.reader.close()).catch(() => undefined)
}

/**
 * Reads ahead by one chunk while another is being written. A buffer goes back to the pool in the
 * callback of its write, and never after the connection broke: the kernel may still read it.
 */
class ObjectTransfer {
  readonly #options: TransferOptions
  readonly #reader: Reader
  #position: number
  #inFlight = 0
  #inFlightBytes = 0
  #reading = false
  #watched = false
  #over = false

  constructor(options: TransferOptions) {
    this.#options = options
    this.#position = options.start
    this.#reader = { response: options.response, tookAtMs: 0 }
  }

  start(): void {
    const { response } = this.#options
    response.on('close', () => this.#finish(this.#isSent() ? 'complete' : 'client-gone'))
    response.on('error', () => undefined)
    this.#pump()
  }

  #isSent(): boolean {
    return this.#position === this.#options.end && this.#options.response.writableFinished
  }

  #pump(): void {
    const { end, pool } = this.#options
    if (this.#over || this.#reading || this.#position >= end) return
    if (this.#inFlight >= (pool.isShort ? 1 : limits.chunksInFlightMax)) return
    this.#reading = true
    const buffer = pool.take(end - this.#position)
    const length = Math.min(buffer.byteLength, end - this.#position)
    this.#read(buffer, length)
  }

  #read(buffer: Buffer, length: number): void {
    const { source } = this.#options
    if (source.kind === 'fd') this.#readFile(source.fd, buffer, length)
    else if (source.reader.fd !== undefined) this.#readFile(source.reader.fd, buffer, length)
    else {
      source.reader.read(this.#position, buffer.subarray(0, length)).then(
        (bytes) => this.#onRead(buffer, bytes),
        () => this.#onRead(buffer, 0),
      )
    }
  }

  #readFile(fd: number, buffer: Buffer, length: number): void {
    read(fd, buffer, 0, length, this.#position, (error, bytes) =>
      this.#onRead(buffer, error === null ? bytes : 0),
    )
  }

  #onRead(buffer: Buffer, bytes: number): void {
    this.#reading = false
    const { response, pool, end } = this.#options
    if (this.#over) {
      pool.giveBack(buffer)
      this.#release()
      return
    }
    if (bytes === 0) {
      // The head promised more: only a broken connection tells the client.
      pool.giveBack(buffer)
      this.#finish('read-failed')
      response.destroy()
      return
    }
    this.#position += bytes
    this.#inFlight += 1
    this.#inFlightBytes += buffer.byteLength
    const chunk = bytes === buffer.byteLength ? buffer : buffer.subarray(0, bytes)
    const written = () => this.#onWritten(buffer)
    if (this.#position === end) response.end(chunk, written)
    else response.write(chunk, written)
    this.#watch()
    this.#pump()
  }

  /** A client that takes everything at once, as most do, needs no watching. */
  #watch(): void {
    const { response, slowClients } = this.#options
    if (this.#watched || (response.socket?.writableLength ?? 0) === 0) return
    this.#watched = true
    this.#reader.tookAtMs = performance.now()
    slowClients.watchReader(this.#reader)
  }

  #onWritten(buffer: Buffer): void {
    if (this.#over) return
    this.#inFlight -= 1
    this.#inFlightBytes -= buffer.byteLength
    this.#options.pool.giveBack(buffer)
    this.#reader.tookAtMs = performance.now()
    this.#pump()
  }

  #finish(outcome: TransferOutcome): void {
    if (this.#over) return
    this.#over = true
    if (this.#watched) this.#options.slowClients.endReader(this.#reader)
    // Callbacks of writes that a broken connection holds may never come.
    this.#options.pool.forget(this.#inFlightBytes)
    // Closing under a running read could hand its descriptor number to another file.
    if (!this.#reading) this.#release()
    this.#options.done(outcome, this.#position - this.#options.start)
  }

  #release(): void {
    closeObject(this.#options.source)
  }
}
