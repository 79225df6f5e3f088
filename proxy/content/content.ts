import type { HotHeaders, ObjectSource, RawExchange } from '../../serving/index.ts'
import {
  type ContentCache,
  type ContentKey,
  type Fill,
  type FillHead,
  keyText,
  startFill,
} from '../cache/index.ts'
import { type ProxiedChannel, sendDocument } from '../channels/index.ts'
import type { ProxyContext } from '../context.ts'
import { proxyError } from '../errors.ts'
import { proxyLimits as limits } from '../limits.ts'
import { relay } from '../relay.ts'
import type { ProxyTarget } from '../targets.ts'
import { credentialsOf, readerKey } from '../upstream/index.ts'
import { type Asker, describe } from './asker.ts'
import { Authorisation, type IsOwnBundle } from './authorisation.ts'
import { KeptContent } from './kept-content.ts'

interface RunningFill {
  readonly fill: Fill
  readonly channel: ProxiedChannel
  readonly rest: string
  readonly reader: string
}

/**
 * Objects, compressed forms and bundles: from memory, from the disk, from a download under way, or
 * by a new one. Whoever asks is let through by the origin first, unless it let the same reader and
 * the same path of the same channel through a short while ago.
 */
export class Content {
  readonly #context: ProxyContext
  readonly #cache: ContentCache
  readonly #kept: KeptContent
  readonly #authorisation: Authorisation
  readonly #fills = new Map<string, RunningFill>()
  readonly #stopping = new AbortController()

  constructor(context: ProxyContext, cache: ContentCache, isOwn: IsOwnBundle) {
    this.#context = context
    this.#cache = cache
    this.#kept = new KeptContent(context, cache)
    this.#authorisation = new Authorisation(context, isOwn)
  }

  /** Answers a GET or HEAD for content. */
  handle(
    ask: {
      readonly exchange: RawExchange
      readonly headers: HotHeaders
      readonly target: ProxyTarget
      readonly channel: ProxiedChannel
    },
    key: ContentKey,
  ): void {
    const credentials = credentialsOf(ask.exchange.request)
    const asker = { ...ask, key, credentials, reader: readerKey(credentials) }
    if (this.#authorisation.isGranted(asker) && this.#sendKept(asker)) return
    const { measures, server } = this.#context
    measures.askersWaiting += 1
    this.#serve(asker)
      .catch((error: unknown) => server.answerError(ask.exchange, error))
      .finally(() => {
        measures.askersWaiting -= 1
      })
  }

  /** Ends downloads and waits for what is being written. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([...this.#fills.values()].map(({ fill }) => fill.done))
    await this.#kept.written()
  }

  get fillsRunning(): number {
    return this.#fills.size
  }

  async #serve(asker: Asker): Promise<void> {
    const { exchange, target, key } = asker
    const running = this.#fills.get(keyText(key))
    if (running === undefined && !this.#kept.has(key)) {
      await this.#serveByFill(asker)
      return
    }
    if (running !== undefined && isSameAsk(running, asker)) {
      await this.#join(asker, running)
      return
    }
    if (!(await this.#authorisation.authorise(asker))) {
      await relay(this.#context, exchange, target, 'content')
      return
    }
    if (this.#sendKept(asker)) return
    const now = this.#fills.get(keyText(key))
    if (now === undefined) await this.#serveByFill(asker)
    else await this.#join(asker, now)
  }

  #sendKept(asker: Asker): boolean {
    return this.#kept.send(asker, () => this.#serveByFill(asker))
  }

  async #serveByFill(asker: Asker): Promise<void> {
    const { exchange, target, channel, key, reader } = asker
    const text = keyText(key)
    if (exchange.request.method === 'HEAD' || this.#fills.size >= limits.fillsMax) {
      await relay(this.#context, exchange, target, 'content')
      return
    }
    this.#context.measures.objectMisses += 1
    const fill = startFill({
      key,
      origin: target.base.origin,
      path: target.path,
      credentials: asker.credentials,
      upstream: this.#context.upstream,
      cache: this.#cache,
      measures: this.#context.measures,
      signal: this.#stopping.signal,
    })
    const running = { fill, channel, rest: target.rest, reader }
    this.#fills.set(text, running)
    // Never rejects: a download that fails resolves to nothing.
    void fill.done.then(() => {
      if (this.#fills.get(text) === running) this.#fills.delete(text)
    })
    await this.#answerFrom(asker, fill, true)
  }

  async #join(asker: Asker, running: RunningFill): Promise<void> {
    this.#context.measures.objectJoins += 1
    await this.#answerFrom(asker, running.fill, isSameAsk(running, asker))
  }

  /** @param isOwn whether the origin was asked for it with this asker's right */
  async #answerFrom(asker: Asker, fill: Fill, isOwn: boolean): Promise<void> {
    const { exchange, target, channel, reader } = asker
    const head = await fill.head
    if (head.kind === 'refused' && isOwn) {
      this.#context.measures.refusals += 1
      channel.grants.refuse(reader, target.rest, head.answer.status)
      sendDocument(exchange.request, exchange.response, head.answer)
      return
    }
    if (head.kind === 'unsharable' || head.kind === 'refused') {
      await relay(this.#context, exchange, target, 'content')
      return
    }
    channel.grants.note(reader, target.rest, this.#context.clock.now())
    this.#sendFilled(asker, head)
  }

  #sendFilled(asker: Asker, head: Extract<FillHead, { kind: 'bytes' | 'growing' }>): void {
    const { exchange, headers, key } = asker
    const { objects } = this.#context.server
    if (head.kind === 'bytes') {
      const { bytes, content } = head
      this.#kept.remember(content, bytes)
      objects.send(exchange, describe(content, asker), { kind: 'bytes', bytes }, headers)
      return
    }
    const { file } = head
    const reader = file.open()
    // It failed while this asker was on its way, who has got nothing yet and may be told.
    if (reader === undefined) throw proxyError('LW_PROXY_UPSTREAM', { retryAfterSeconds: 1 })
    const source: ObjectSource = { kind: 'reader', reader }
    objects.send(exchange, describe({ ...key, size: file.size }, asker), source, headers)
  }
}

/** Whether a download was begun with the asker's own right: its success is this one's, too. */
function isSameAsk(running: RunningFill, asker: Asker): boolean {
  return (
    running.channel === asker.channel &&
    running.rest === asker.target.rest &&
    running.reader === asker.reader
  )
}
