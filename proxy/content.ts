import type {
  DescribedObject,
  HotHeaders,
  KeptObject,
  ObjectSource,
  RawExchange,
} from '../serving/index.ts'
import { describeObject, ObjectMemory, servingError } from '../serving/index.ts'
import {
  type CacheEntry,
  type CheckedContent,
  type ContentCache,
  type ContentKey,
  type Fill,
  type FillHead,
  keyText,
  startFill,
} from './cache/index.ts'
import { type ProxiedChannel, sendDocument, SingleFlight } from './channels/index.ts'
import type { ProxyContext } from './context.ts'
import { proxyError } from './errors.ts'
import { proxyLimits as limits } from './limits.ts'
import { relay } from './relay.ts'
import type { ProxyTarget } from './targets.ts'
import { anonymous, credentialsOf, discard, type Fields, readerKey } from './upstream/index.ts'

/** One request for content. */
interface Asker {
  readonly exchange: RawExchange
  readonly headers: HotHeaders
  readonly target: ProxyTarget
  readonly channel: ProxiedChannel
  readonly key: ContentKey
  readonly credentials: Fields
  /** Stands for the credentials. */
  readonly reader: string
}

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
  readonly #isOwn: (channel: ProxiedChannel, rest: string) => boolean
  readonly #fills = new Map<string, RunningFill>()
  readonly #proofs = new SingleFlight<boolean>()
  readonly #small = new ObjectMemory<KeptObject>()
  readonly #stopping = new AbortController()
  readonly #writing = new Set<Promise<void>>()

  /** @param isOwn whether a path of a channel is that of a bundle that the proxy made itself */
  constructor(
    context: ProxyContext,
    cache: ContentCache,
    isOwn: (channel: ProxiedChannel, rest: string) => boolean,
  ) {
    this.#context = context
    this.#cache = cache
    this.#isOwn = isOwn
  }

  /** Answers a GET or HEAD for content. */
  handle(
    exchange: RawExchange,
    headers: HotHeaders,
    target: ProxyTarget,
    channel: ProxiedChannel,
    key: ContentKey,
  ): void {
    const credentials = credentialsOf(exchange.request)
    const reader = readerKey(credentials)
    const asker = { exchange, headers, target, channel, key, credentials, reader }
    if (this.#isGranted(asker) && this.#sendKept(asker)) return
    const { measures } = this.#context
    measures.askersWaiting += 1
    this.#serve(asker)
      .catch((error: unknown) => this.#context.server.answerError(exchange, error))
      .finally(() => {
        measures.askersWaiting -= 1
      })
  }

  /** Ends downloads and waits for what is being written. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([...this.#fills.values()].map(({ fill }) => fill.done))
    await Promise.all(this.#writing)
  }

  get fillsRunning(): number {
    return this.#fills.size
  }

  async #serve(asker: Asker): Promise<void> {
    const { exchange, target, key } = asker
    const running = this.#fills.get(keyText(key))
    if (running === undefined && !this.#has(key)) {
      await this.#serveByFill(asker)
      return
    }
    if (running !== undefined && isSameAsk(running, asker)) {
      await this.#join(asker, running)
      return
    }
    if (!(await this.#authorise(asker))) {
      await relay(this.#context, exchange, target, 'content')
      return
    }
    if (this.#sendKept(asker)) return
    const now = this.#fills.get(keyText(key))
    if (now === undefined) await this.#serveByFill(asker)
    else await this.#join(asker, now)
  }

  #has(key: ContentKey): boolean {
    return this.#small.get(keyText(key)) !== undefined || this.#cache.has(key)
  }

  #isGranted(asker: Asker): boolean {
    const { channel, reader, target } = asker
    const nowMs = this.#context.clock.now()
    if (reader === anonymous && !channel.poll.isRecent(nowMs)) return false
    if (channel.grants.hold(reader, target.rest, nowMs)) return true
    // Of what everybody may read, everybody may have the differences.
    return isOpen(asker) && this.#isOwn(channel, target.rest)
  }

  /** Sends what memory or disk holds; false when neither does. */
  #sendKept(asker: Asker): boolean {
    const { exchange, headers, key } = asker
    const { server, measures } = this.#context
    const text = keyText(key)
    const kept = this.#small.get(text)
    if (kept !== undefined) {
      measures.objectHits += 1
      const object = isOpen(asker)
        ? kept.object
        : describe({ ...key, size: kept.bytes.byteLength }, asker)
      server.objects.send(exchange, object, { kind: 'bytes', bytes: kept.bytes }, headers)
      return true
    }
    const entry = this.#cache.find(key)
    if (entry === undefined) return false
    measures.objectHits += 1
    this.#sendEntry(asker, entry).catch((error: unknown) => server.answerError(exchange, error))
    return true
  }

  async #sendEntry(asker: Asker, entry: CacheEntry): Promise<void> {
    const { exchange, headers } = asker
    const { objects } = this.#context.server
    const handle = await this.#cache.openEntry(entry)
    if (handle === undefined) {
      await this.#serveByFill(asker)
      return
    }
    const object = describe(entry, asker)
    if (!this.#small.takes(entry.size)) {
      const reader = {
        fd: handle.fd,
        read: (position: number, into: Uint8Array) => handle.read(position, into),
        close: () => handle.close(),
      }
      objects.send(exchange, object, { kind: 'reader', reader }, headers)
      return
    }
    const bytes = Buffer.allocUnsafeSlow(entry.size)
    const count = await handle.read(0, bytes).finally(() => handle.close())
    if (count !== entry.size) throw servingError('LW_SERVE_OBJECT_DAMAGED')
    this.#small.set(keyText(entry), { object: describe(entry, undefined), bytes })
    objects.send(exchange, object, { kind: 'bytes', bytes }, headers)
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
    this.#fills.set(text, { fill, channel, rest: target.rest, reader })
    fill.done
      .then(() => {
        this.#fills.delete(text)
      })
      .catch(() => undefined)
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
      this.#remember(content, bytes)
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

  /** Keeps small content in memory, and writes it to disk behind the answers. */
  #remember(content: CheckedContent, bytes: Buffer): void {
    const text = keyText(content)
    if (this.#small.get(text) !== undefined) return
    this.#small.set(text, { object: describe(content, undefined), bytes })
    const mayWrite = this.#cache.isUsable && this.#writing.size < limits.writesWaitingMax
    if (mayWrite && content.size <= this.#cache.budgetBytes && !this.#cache.has(content)) {
      const writing = this.#write(content, bytes).finally(() => this.#writing.delete(writing))
      this.#writing.add(writing)
    }
  }

  async #write(content: CheckedContent, bytes: Buffer): Promise<void> {
    try {
      const incoming = await this.#cache.begin()
      try {
        if (bytes.byteLength > 0) await incoming.handle.write(bytes, 0)
        await this.#cache.adopt(incoming, content)
      } catch (error) {
        await this.#cache.abandon(incoming)
        throw error
      } finally {
        await incoming.handle.close()
      }
    } catch {
      this.#cache.noteTrouble()
    }
  }

  /**
   * Whether the origin lets this asker have the path now. Asked with a condition that every
   * transmitter meets with 304, so that no content crosses; and once for all who ask alike.
   */
  async #authorise(asker: Asker): Promise<boolean> {
    const { channel, reader, target, credentials, key } = asker
    const { clock } = this.#context
    if (this.#isGranted(asker)) return true
    if (reader === anonymous && !channel.poll.isRecent(clock.now())) {
      await channel.poll.refresh(() => clock.now())
      if (this.#isGranted(asker)) return true
    }
    return this.#proofs.run(`${channel.url} ${target.rest} ${reader}`, async () => {
      this.#context.measures.proofs += 1
      const answer = await this.#context.upstream.ask({
        origin: target.base.origin,
        path: target.path,
        method: 'GET',
        lane: 'requests',
        fields: { ...credentials, 'if-none-match': etagOf(key), range: 'bytes=0-0' },
      })
      if (answer.status === 304 || answer.status === 206) answer.body.resume()
      else discard(answer.body)
      const granted = [200, 206, 304, 416].includes(answer.status)
      if (granted) channel.grants.note(reader, target.rest, clock.now())
      else channel.grants.refuse(reader, target.rest, answer.status)
      return granted
    })
  }
}

function etagOf(key: ContentKey): string {
  return `"${keyText(key)}"`
}

/** Whether a download was begun with the asker's own right: its success is this one's, too. */
function isSameAsk(running: RunningFill, asker: Asker): boolean {
  return (
    running.channel === asker.channel &&
    running.rest === asker.target.rest &&
    running.reader === asker.reader
  )
}

/** Whether the asker showed no credentials: what he may have, everybody may have. */
function isOpen(asker: Asker): boolean {
  return asker.reader === anonymous
}

function describe(
  content: ContentKey & { readonly size: number },
  asker: Asker | undefined,
): DescribedObject {
  return describeObject({
    size: content.size,
    etag: etagOf(content),
    mime: 'application/octet-stream',
    immutable: true,
    // The digest in the address of a compressed form is not that of its bytes.
    ...(content.form === 'plain' ? { digest: content.digest } : {}),
    ...(asker === undefined || isOpen(asker)
      ? {}
      : { cacheControl: 'private, max-age=31536000, immutable' }),
  })
}
