import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServingCounters } from './counters.ts'
import { servingLimits as limits } from './limits.ts'

/** Times of the watch over slow clients; milliseconds. */
export interface SlowClientLimits {
  readonly sweepMs: number
  readonly readerStallMs: number
  readonly readerChunkMs: number
  readonly senderWindowMs: number
  readonly senderBytesPerSecondMin: number
}

const defaults: SlowClientLimits = {
  sweepMs: limits.sweepMs,
  readerStallMs: limits.readerStallMs,
  readerChunkMs: limits.readerChunkMs,
  senderWindowMs: limits.senderWindowMs,
  senderBytesPerSecondMin: limits.senderBytesPerSecondMin,
}

interface Sender {
  readonly request: IncomingMessage
  windowStartMs: number
  bytesAtStart: number
}

/** A response body on its way out. */
export interface Reader {
  readonly response: ServerResponse
  /** When the client last took a whole chunk, by `performance.now()`. */
  tookAtMs: number
}

/**
 * One timer for all connections: cuts clients that send their body too slowly and clients that
 * do not take what they asked for. Node itself watches only heads and silent sockets.
 */
export class SlowClients {
  readonly #limits: SlowClientLimits
  readonly #counters: ServingCounters
  readonly #senders = new Set<Sender>()
  readonly #readers = new Set<Reader>()
  #timer: NodeJS.Timeout | undefined

  constructor(counters: ServingCounters, settings: Partial<SlowClientLimits> = {}) {
    this.#limits = { ...defaults, ...settings }
    this.#counters = counters
  }

  /** Watches a request body until it is complete. */
  watchSender(request: IncomingMessage): void {
    const sender: Sender = {
      request,
      windowStartMs: performance.now(),
      bytesAtStart: request.socket.bytesRead,
    }
    this.#senders.add(sender)
    request.once('close', () => this.#senders.delete(sender))
    this.#run()
  }

  /**
   * Watches a response body; its sender says `tookAtMs` and ends the watch. Node's own timer
   * notices every byte that the client takes, the sweep only whole chunks.
   */
  watchReader(reader: Reader): void {
    const { response } = reader
    this.#readers.add(reader)
    response.setTimeout(this.#limits.readerStallMs, () => {
      if (this.#readers.delete(reader)) this.#cut(response)
    })
    this.#run()
  }

  endReader(reader: Reader): void {
    this.#readers.delete(reader)
  }

  /** Watches a response that was written in one piece until the socket has taken it all. */
  watchResponse(response: ServerResponse): void {
    const reader: Reader = { response, tookAtMs: performance.now() }
    this.watchReader(reader)
    response.once('close', () => this.endReader(reader))
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #run(): void {
    this.#timer ??= setInterval(() => this.#sweep(), this.#limits.sweepMs).unref()
  }

  #sweep(): void {
    const now = performance.now()
    for (const sender of this.#senders) this.#checkSender(sender, now)
    for (const reader of this.#readers) this.#checkReader(reader, now)
    if (this.#senders.size === 0 && this.#readers.size === 0) this.stop()
  }

  #checkSender(sender: Sender, now: number): void {
    const { request } = sender
    if (request.complete || request.destroyed) {
      this.#senders.delete(sender)
      return
    }
    // The handler does not take more at the moment: that is not the client's fault.
    const held = request.readableLength >= request.readableHighWaterMark
    const elapsedMs = now - sender.windowStartMs
    if (!held && elapsedMs < this.#limits.senderWindowMs) return
    const bytes = request.socket.bytesRead - sender.bytesAtStart
    if (!held && bytes * 1000 < this.#limits.senderBytesPerSecondMin * elapsedMs) {
      this.#senders.delete(sender)
      this.#cut(request)
      return
    }
    sender.windowStartMs = now
    sender.bytesAtStart = request.socket.bytesRead
  }

  #checkReader(reader: Reader, now: number): void {
    if (now - reader.tookAtMs < this.#limits.readerChunkMs) return
    this.#readers.delete(reader)
    this.#cut(reader.response)
  }

  #cut(message: IncomingMessage | ServerResponse): void {
    this.#counters.slowClientsCut += 1
    message.socket?.destroy()
  }
}
