import type { AnswerHeaders } from './answer.ts'
import type { ExchangeRequest } from './exchange.ts'
import type { ResumePoint, TransferProgress, TransferSink } from './sink-download.ts'

/** What every request takes. */
export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Value of Authorization; it is dropped when a redirect leaves the origin. */
  readonly authorization?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Longest wait for the head of the answer, for long polls; the stall time otherwise. */
  readonly answerTimeoutMs?: number
}

/** A request whose answer is kept in memory. */
export interface BytesRequest extends RequestOptions {
  /** The answer is given up at the next byte: LW_TRANSFER_ENDLESS. */
  readonly bytesMax: number
  readonly method?: ExchangeRequest['method']
  readonly body?: Uint8Array
  /** Whether repeating it does no harm; by default for GET and HEAD only. */
  readonly idempotent?: boolean
  /** Statuses besides 2xx that are returned instead of thrown. */
  readonly acceptStatus?: readonly number[]
  /** From the first attempt to the last byte. */
  readonly timeoutMs?: number
  /** False for a secret that is for one address: any redirect is an error. */
  readonly mayRedirect?: boolean
}

/** An answer in memory. */
export interface BytesAnswer {
  readonly status: number
  readonly headers: AnswerHeaders
  readonly bytes: Buffer
}

/** What a conditional request found. */
export type ConditionalAnswer =
  | { readonly status: 304 }
  | (BytesAnswer & { readonly status: 200; readonly etag: string | undefined })

/** A download that continues where it stopped. */
export interface SinkRequest extends RequestOptions {
  /** The exact length, when it is known; any other is refused. */
  readonly expectedBytes?: number
  readonly bytesMax: number
  /**
   * The URL's bytes never change (it names their hash), so a part may be asked for without an
   * entity tag.
   */
  readonly immutable?: boolean
  /** There is another way to what it is for: one that stalls is given up sooner. */
  readonly replaceable?: boolean
  readonly resume?: ResumePoint
  readonly sink: TransferSink
  readonly onProgress?: (progress: TransferProgress) => void
}

/** A POST whose answer is taken while it comes. */
export interface StreamRequest extends RequestOptions {
  readonly contentType: string
  readonly body: Uint8Array
  /** The answer is given up at the next byte: LW_TRANSFER_ENDLESS. */
  readonly bytesMax: number
  /** Takes the next bytes; nothing more is read until the promise is done. */
  readonly take: (chunk: Uint8Array) => Promise<void> | void
}

/** A request with a streamed body. */
export interface UploadRequest extends RequestOptions {
  readonly method?: 'POST' | 'PUT' | 'PATCH'
  readonly contentType: string
  /** Makes the body, once per attempt. */
  readonly body: () => AsyncIterable<Uint8Array>
  /** Its exact length, when it is known. */
  readonly contentBytes?: number
  readonly idempotent?: boolean
  readonly acceptStatus?: readonly number[]
  /** Bytes of the answer. */
  readonly bytesMax: number
  readonly onProgress?: (sentBytes: number) => void
}

/** A GET that may find that nothing changed. */
export interface ConditionalRequest extends RequestOptions {
  /** The tag that is held; undefined asks without a condition. */
  readonly etag: string | undefined
  readonly bytesMax: number
}

/** A POST of a JSON document. */
export interface JsonRequest extends Omit<BytesRequest, 'method' | 'body'> {
  readonly json: unknown
  /** `application/json` when absent. */
  readonly contentType?: string
}
