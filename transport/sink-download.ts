import { type Answer, contentLength, discard, strongEtag } from './answer.ts'
import { type CallContext, exchangeOk, retrying } from './call.ts'
import { parseContentRange } from './content-range.ts'
import { drain, endless } from './drain.ts'
import { transferError } from './errors.ts'
import { transportLimits as limits } from './limits.ts'
import { RetrySchedule } from './retries.ts'

/** Takes the bytes of a download in order. */
export interface TransferSink {
  /** The next bytes; nothing more is read until the promise is done. */
  write(chunk: Uint8Array): Promise<void> | void
  /** Everything written so far is void; the next bytes are the first ones. */
  restart(): Promise<void>
}

/** Where an interrupted download stopped. */
export interface ResumePoint {
  /** Bytes that the sink already holds. */
  readonly offset: number
  /** The strong entity tag that came with them. */
  readonly etag?: string | undefined
}

/** How far a download is. */
export interface TransferProgress {
  /** Bytes in the sink. */
  readonly offset: number
  /** The length of the whole, once it is known. */
  readonly total: number | undefined
  /** Bytes that came over the network in this call, repeated ones included. */
  readonly receivedBytes: number
}

/** What a download takes; see `Transport.fetchToSink`. */
export interface SinkDownloadOptions {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly expectedBytes: number | undefined
  readonly bytesMax: number
  readonly immutable: boolean
  readonly replaceable: boolean
  readonly resume: ResumePoint | undefined
  readonly sink: TransferSink
  readonly onProgress: ((progress: TransferProgress) => void) | undefined
  readonly signal: AbortSignal
}

/** What a download came to. */
export interface SinkReport {
  readonly bytes: number
  readonly etag: string | undefined
  /** Bytes that came over the network. */
  readonly receivedBytes: number
  /** Where the first answer that was used began. */
  readonly resumedFrom: number
  /** How often the sink began anew. */
  readonly restarts: number
}

/** Runs one resumable download to its end. */
export async function downloadToSink(
  context: CallContext,
  options: SinkDownloadOptions,
): Promise<SinkReport> {
  return new SinkDownload(context, options).run()
}

class SinkDownload {
  readonly #context: CallContext
  readonly #options: SinkDownloadOptions
  readonly #schedule: RetrySchedule
  #offset: number
  #etag: string | undefined
  #total: number | undefined
  /** The furthest byte ever reached: only going beyond it is progress. */
  #furthest: number
  #progressMark: number
  #receivedBytes = 0
  #resumedFrom: number | undefined
  #restarts = 0
  /** The server mishandled a range once: whole answers only from here on. */
  #rangesBroken = false
  /** The fault was the sink's (a full disk, say), whatever error it threw. */
  #sinkFailed = false

  constructor(context: CallContext, options: SinkDownloadOptions) {
    this.#context = options.replaceable ? impatient(context) : context
    this.#options = options
    this.#schedule = new RetrySchedule(this.#context.retry, context.random)
    this.#offset = options.resume?.offset ?? 0
    this.#etag = strongEtag(options.resume?.etag)
    this.#total = options.expectedBytes
    this.#furthest = this.#offset
    this.#progressMark = this.#offset
  }

  async run(): Promise<SinkReport> {
    const { url, signal, expectedBytes: expected, bytesMax } = this.#options
    if (expected !== undefined && expected > bytesMax) throw endless(url, bytesMax)
    if (expected !== undefined && this.#offset > expected) await this.#restart()
    let complete = expected !== undefined && this.#offset === expected
    while (!complete) {
      complete = await retrying({
        context: this.#context,
        url,
        signal,
        idempotent: true,
        schedule: this.#schedule,
        isFinal: () => this.#sinkFailed,
        attempt: () => this.#attempt(),
      })
    }
    return {
      bytes: this.#offset,
      etag: this.#etag,
      receivedBytes: this.#receivedBytes,
      resumedFrom: this.#resumedFrom ?? this.#offset,
      restarts: this.#restarts,
    }
  }

  /** One request and its answer; true when the sink holds the whole. */
  async #attempt(): Promise<boolean> {
    const { url, headers, signal } = this.#options
    if (this.#offset > 0 && !this.#canResume()) await this.#restart()
    const range = this.#offset > 0 ? this.#rangeHeaders() : {}
    const answer = await exchangeOk(
      this.#context,
      { url, method: 'GET', headers: { ...headers, ...range }, signal },
      [416],
    )
    try {
      if (answer.status === 416) return await this.#unsatisfied(answer)
      const end = answer.status === 206 ? await this.#part(answer) : await this.#whole(answer)
      if (end === 'again') {
        discard(answer)
        return false
      }
      return await this.#receive(answer, end)
    } catch (error) {
      discard(answer)
      throw error
    }
  }

  #canResume(): boolean {
    return !this.#rangesBroken && (this.#options.immutable || this.#etag !== undefined)
  }

  #rangeHeaders(): Readonly<Record<string, string>> {
    const condition = this.#etag === undefined ? {} : { 'if-range': this.#etag }
    return { range: `bytes=${this.#offset}-`, ...condition }
  }

  /** A 206: it must be the part that was asked for, of the same bytes. Returns its end. */
  async #part(answer: Answer): Promise<number | 'again'> {
    const range = parseContentRange(answer.headers['content-range'])
    const length = contentLength(answer)
    const asked = this.#offset > 0
    const fits =
      asked &&
      range?.kind === 'part' &&
      range.first === this.#offset &&
      (length === undefined || length === range.last - range.first + 1)
    if (!fits) return await this.#mistrustRanges(answer)
    const etag = strongEtag(answer.headers['etag'])
    if (this.#etag !== undefined && etag !== undefined && etag !== this.#etag) {
      return await this.#mistrustRanges(answer)
    }
    if (range.total !== undefined) this.#learnTotal(range.total, answer)
    if (range.last >= (this.#total ?? this.#options.bytesMax)) {
      throw endless(answer.url, this.#total ?? this.#options.bytesMax)
    }
    this.#etag ??= etag
    return range.last + 1
  }

  /** A 200 (or another success): the whole, from its first byte. */
  async #whole(answer: Answer): Promise<number | undefined> {
    if (answer.status !== 200) {
      throw transferError('LW_TRANSFER_ANSWER', {
        detail: `${answer.url.host} answered ${answer.status} to a download.`,
      })
    }
    if (this.#offset > 0) await this.#restart()
    this.#etag = strongEtag(answer.headers['etag'])
    const length = contentLength(answer)
    const expected = this.#options.expectedBytes
    if (length !== undefined && length > (expected ?? this.#options.bytesMax)) {
      throw endless(answer.url, expected ?? this.#options.bytesMax)
    }
    if (length !== undefined && expected !== undefined && length < expected) {
      throw this.#cut(answer, length)
    }
    if (expected === undefined) this.#total = length
    return length ?? expected
  }

  /** RFC 9110 §15.5.17: what was asked for lies behind the end. */
  async #unsatisfied(answer: Answer): Promise<boolean> {
    const range = parseContentRange(answer.headers['content-range'])
    discard(answer)
    if (this.#offset === 0) {
      throw transferError('LW_TRANSFER_ANSWER', {
        detail: `${answer.url.host} answered 416 although no range was asked for.`,
      })
    }
    if (range?.kind === 'unsatisfied') {
      // Without an expected length a complete copy is only known by asking behind its end.
      if (this.#options.expectedBytes === undefined && range.total === this.#offset) return true
      if (this.#etag === undefined) this.#learnTotal(range.total, answer)
    }
    await this.#mistrustRanges(answer)
    return false
  }

  #learnTotal(total: number, answer: Answer): void {
    const expected = this.#options.expectedBytes
    if (expected !== undefined && total !== expected) {
      throw transferError('LW_TRANSFER_LENGTH', {
        detail: `${answer.url.host} has ${total} bytes, expected are ${expected}.`,
      })
    }
    if (total > this.#options.bytesMax) throw endless(answer.url, this.#options.bytesMax)
    this.#total = total
  }

  async #mistrustRanges(answer: Answer): Promise<'again'> {
    if (this.#rangesBroken || this.#offset === 0) {
      throw transferError('LW_TRANSFER_RANGE', { detail: `Server: ${answer.url.host}.` })
    }
    this.#rangesBroken = true
    await this.#restart()
    return 'again'
  }

  /** @param end where this answer ends, when it said so */
  async #receive(answer: Answer, end: number | undefined): Promise<boolean> {
    const { clock, pace, bandwidth } = this.#context
    const allowed = end ?? this.#options.bytesMax
    const begun = this.#offset
    this.#resumedFrom ??= begun
    await drain({
      answer,
      clock,
      pace,
      bandwidth,
      signal: this.#options.signal,
      take: (chunk) => this.#take(chunk, answer, allowed),
    })
    if (this.#offset >= (end ?? 0) && this.#offset >= (this.#total ?? 0)) return true
    // A server may give a shorter part than was asked for: the next request takes the rest. Tiny
    // parts count as failures, or a server could keep this going for ever.
    const progress = this.#offset - begun
    if (
      answer.status === 206 &&
      this.#offset === end &&
      progress >= limits.resumeProgressBytesMin
    ) {
      return false
    }
    throw this.#cut(answer, this.#offset)
  }

  #take(chunk: Uint8Array, answer: Answer, allowed: number): Promise<void> | undefined {
    this.#receivedBytes += chunk.byteLength
    if (this.#offset + chunk.byteLength > allowed) throw endless(answer.url, allowed)
    const written = this.#bySink(() => this.#options.sink.write(chunk))
    if (written === undefined) {
      this.#advance(chunk.byteLength)
      return undefined
    }
    return written.then(() => this.#advance(chunk.byteLength))
  }

  #bySink(call: () => Promise<void> | void): Promise<void> | undefined {
    try {
      return call()?.catch((error: unknown) => {
        this.#sinkFailed = true
        throw error
      })
    } catch (error) {
      this.#sinkFailed = true
      throw error
    }
  }

  #advance(bytes: number): void {
    this.#offset += bytes
    this.#furthest = Math.max(this.#furthest, this.#offset)
    if (this.#furthest - this.#progressMark >= limits.resumeProgressBytesMin) {
      this.#progressMark = this.#furthest
      this.#schedule.progressed()
    }
    this.#options.onProgress?.({
      offset: this.#offset,
      total: this.#total,
      receivedBytes: this.#receivedBytes,
    })
  }

  #cut(answer: Answer, bytes: number) {
    const total = this.#total ?? 'an unknown number of'
    return transferError('LW_TRANSFER_CUT', {
      detail: `${answer.url.host} sent ${bytes} of ${total} bytes.`,
    })
  }

  async #restart(): Promise<void> {
    await this.#bySink(() => this.#options.sink.restart())
    this.#offset = 0
    this.#etag = undefined
    this.#restarts += 1
  }
}

/** Waits less for a server that does not send; a connection that breaks is no reason to give up. */
function impatient(context: CallContext): CallContext {
  const { pace, retry } = context
  const windowMs = Math.min(pace.windowMs, limits.replaceablePaceWindowMs)
  return {
    ...context,
    pace: { ...pace, windowMs },
    retry: { stalledAttemptsMax: limits.replaceableStallsMax, ...retry },
  }
}
