import type { Readable } from 'node:stream'
import { proxyError } from '../errors.ts'
import { proxyLimits as limits } from '../limits.ts'
import type { ProxyMeasures } from '../measures.ts'
import {
  discard,
  type Fields,
  isStorable,
  readWhole,
  type Upstream,
  type UpstreamAnswer,
  type UpstreamDocument,
  upstreamError,
} from '../upstream/index.ts'
import type { ContentCache, IncomingFile } from './content-cache.ts'
import { contentCheck } from './content-check.ts'
import type { CheckedContent, ContentKey } from './content-key.ts'
import { GrowingFile } from './growing-file.ts'

/** What a download turned out to be, once the origin has begun to answer. */
export type FillHead =
  /** Small: all of it, verified. */
  | { readonly kind: 'bytes'; readonly bytes: Buffer; readonly content: CheckedContent }
  /** Large: a file that can be read while it arrives. */
  | { readonly kind: 'growing'; readonly file: GrowingFile }
  /** The origin's refusal, for the one whose credentials were used. */
  | { readonly kind: 'refused'; readonly answer: UpstreamDocument }
  /** The answer is for one asker only, or cannot be cached: everybody asks for himself. */
  | { readonly kind: 'unsharable' }

/** What `startFill` takes. */
export interface FillOptions {
  readonly key: ContentKey
  readonly origin: string
  readonly path: string
  /** Credentials of the first asker. */
  readonly credentials: Fields
  readonly upstream: Pick<Upstream, 'ask'>
  readonly cache: ContentCache
  readonly measures: ProxyMeasures
  readonly signal: AbortSignal
}

/** A download under way. */
export interface Fill {
  /** @throws LW_PROXY_UPSTREAM…, LW_PROXY_WRONG_BYTES before the first byte was shown */
  readonly head: Promise<FillHead>
  /** Resolves when all is over, whatever came of it: never rejects. */
  readonly done: Promise<CheckedContent | undefined>
  growing(): GrowingFile | undefined
}

/** Downloads content once, for all who ask for it. */
export function startFill(options: FillOptions): Fill {
  const download = new Download(options)
  const head = download.begin()
  head.catch(() => undefined)
  return { head, done: download.finished(head), growing: () => download.file }
}

class Download {
  readonly #options: FillOptions
  file: GrowingFile | undefined
  #rest: Promise<CheckedContent | undefined> = Promise.resolve(undefined)

  constructor(options: FillOptions) {
    this.#options = options
  }

  async finished(head: Promise<FillHead>): Promise<CheckedContent | undefined> {
    try {
      const begun = await head
      return begun.kind === 'bytes' ? begun.content : await this.#rest
    } catch {
      return undefined
    }
  }

  async begin(): Promise<FillHead> {
    const answer = await this.#ask(0, undefined)
    const size = Number(answer.headers['content-length'] ?? Number.NaN)
    if (answer.status !== 200) {
      return {
        kind: 'refused',
        answer: { ...answer, bytes: await readWhole(answer, limits.documentBytesMax) },
      }
    }
    const isPlain = answer.headers['content-encoding'] === undefined
    if (!isStorable(answer.headers) || !isPlain || !this.#fits(size)) {
      discard(answer.body)
      return { kind: 'unsharable' }
    }
    this.#options.measures.fills += 1
    return size <= limits.memoryFillBytesMax
      ? await this.#takeSmall(answer, size)
      : await this.#takeLarge(answer, size)
  }

  #fits(size: number): boolean {
    const { cache } = this.#options
    if (!Number.isSafeInteger(size) || size > limits.objectBytesMax) return false
    return size <= limits.memoryFillBytesMax || (size <= cache.budgetBytes && cache.isUsable)
  }

  /** Asks for the whole, or for what is missing behind `from`. */
  async #ask(from: number, etag: string | undefined): Promise<UpstreamAnswer> {
    const { upstream, origin, path, credentials, signal } = this.#options
    const range = from === 0 ? {} : { range: `bytes=${from}-` }
    const condition = from === 0 || etag === undefined ? {} : { 'if-range': etag }
    return upstream.ask({
      origin,
      path,
      method: 'GET',
      lane: 'content',
      fields: { ...credentials, ...range, ...condition },
      signal,
    })
  }

  async #takeSmall(answer: UpstreamAnswer, size: number): Promise<FillHead> {
    const { key, measures } = this.#options
    const chunks: Uint8Array[] = []
    const check = contentCheck(key)
    try {
      await this.#receive(answer, size, async (chunk) => {
        chunks.push(Buffer.from(chunk))
        await check.update(chunk)
      })
      const bytesDigest = await check.finish()
      if (bytesDigest === undefined) throw proxyError('LW_PROXY_WRONG_BYTES')
      const content = { ...key, size, bytesDigest }
      return { kind: 'bytes', bytes: Buffer.concat(chunks, size), content }
    } catch (error) {
      measures.fillsFailed += 1
      throw error
    } finally {
      check.destroy()
    }
  }

  async #takeLarge(answer: UpstreamAnswer, size: number): Promise<FillHead> {
    const { cache } = this.#options
    let incoming: IncomingFile
    try {
      await cache.makeRoom(size)
      incoming = await cache.begin()
    } catch {
      cache.noteTrouble()
      discard(answer.body)
      return { kind: 'unsharable' }
    }
    const file = new GrowingFile(incoming.handle, size)
    this.file = file
    this.#rest = this.#fill(answer, incoming, file)
    return { kind: 'growing', file }
  }

  async #fill(
    answer: UpstreamAnswer,
    incoming: IncomingFile,
    file: GrowingFile,
  ): Promise<CheckedContent | undefined> {
    const { key, cache, measures } = this.#options
    const check = contentCheck(key)
    let written = 0
    try {
      await this.#receive(answer, file.size, async (chunk) => {
        const writing = incoming.handle.write(chunk, written).catch((error: unknown) => {
          cache.noteTrouble()
          throw error
        })
        await Promise.all([writing, check.update(chunk)])
        written += chunk.byteLength
        file.grow(written)
      })
      const bytesDigest = await check.finish()
      if (bytesDigest === undefined) throw proxyError('LW_PROXY_WRONG_BYTES')
      const content = { ...key, size: file.size, bytesDigest }
      await this.#adopt(incoming, file, content)
      return content
    } catch {
      measures.fillsFailed += 1
      file.settle('failed')
      await cache.abandon(incoming)
      return undefined
    } finally {
      check.destroy()
    }
  }

  /** The askers get their last byte at once; the disk may take its time. */
  async #adopt(incoming: IncomingFile, file: GrowingFile, content: CheckedContent): Promise<void> {
    const { cache } = this.#options
    const reader = file.open()
    file.settle('verified')
    try {
      await cache.adopt(incoming, content)
    } catch {
      cache.noteTrouble()
      await cache.abandon(incoming)
    } finally {
      reader?.close()
    }
  }

  /** Receives exactly `size` bytes; a broken download is continued where it broke. */
  async #receive(
    first: UpstreamAnswer,
    size: number,
    take: (chunk: Buffer) => Promise<void>,
  ): Promise<void> {
    const { measures, signal } = this.#options
    const etag = first.headers['etag']
    let received = 0
    let body: Readable | undefined = first.body
    for (let resumption = 0; ; resumption++) {
      try {
        body ??= await this.#continue(received, size, etag)
        for await (const chunk of body as AsyncIterable<Buffer>) {
          received += chunk.byteLength
          measures.contentBytesUpstream += chunk.byteLength
          if (received > size) throw proxyError('LW_PROXY_WRONG_BYTES', { detail: 'Too many.' })
          await take(chunk)
        }
        if (received === size) return
        throw proxyError('LW_PROXY_UPSTREAM', { detail: 'The answer broke off.' })
      } catch (error) {
        const broke = upstreamError(error) as Error & { readonly code?: string }
        const mayResume = broke.code === 'LW_PROXY_UPSTREAM' && received > 0 && received < size
        if (!mayResume || resumption >= limits.resumptionsMax || signal.aborted) throw broke
        measures.fillsResumed += 1
        body = undefined
      }
    }
  }

  async #continue(from: number, size: number, etag: string | undefined): Promise<Readable> {
    const answer = await this.#ask(from, etag)
    const expected = `bytes ${from}-${size - 1}/${size}`
    if (answer.status === 206 && answer.headers['content-range'] === expected) return answer.body
    discard(answer.body)
    throw proxyError('LW_PROXY_ANSWER', { detail: 'It does not continue the download.' })
  }
}
