import { type KeptObject, ObjectMemory, servingError } from '../../serving/index.ts'
import {
  type CacheEntry,
  type CheckedContent,
  type ContentCache,
  type ContentKey,
  keyText,
} from '../cache/index.ts'
import { SingleFlight } from '../channels/index.ts'
import type { ProxyContext } from '../context.ts'
import { proxyLimits as limits } from '../limits.ts'
import { type Asker, describe, isOpen } from './asker.ts'

/** Content in memory and on disk: what is small, or asked for again and again, is in memory. */
export class KeptContent {
  readonly #context: ProxyContext
  readonly #cache: ContentCache
  readonly #memory = new ObjectMemory<KeptObject>({
    budgetBytes: limits.memoryBytesMax,
    objectBytesMax: limits.memoryObjectBytesMax,
  })
  readonly #loads = new SingleFlight<Buffer | undefined>()
  readonly #writing = new Set<Promise<void>>()

  constructor(context: ProxyContext, cache: ContentCache) {
    this.#context = context
    this.#cache = cache
  }

  has(key: ContentKey): boolean {
    return this.#memory.get(keyText(key)) !== undefined || this.#cache.has(key)
  }

  /**
   * Sends it to an asker who may have it.
   * @param onGone called when the disk's copy turns out to be gone or damaged
   * @returns whether it is here
   */
  send(asker: Asker, onGone: () => Promise<void>): boolean {
    const { exchange, headers, key } = asker
    const { server, measures } = this.#context
    const kept = this.#memory.get(keyText(key))
    if (kept !== undefined) {
      measures.objectHits += 1
      const { bytes } = kept
      const size = bytes.byteLength
      const object = isOpen(asker) ? kept.object : describe({ ...key, size }, asker)
      server.objects.send(exchange, object, { kind: 'bytes', bytes }, headers)
      return true
    }
    const entry = this.#cache.find(key)
    if (entry === undefined) return false
    measures.objectHits += 1
    this.#sendEntry(asker, entry)
      .then((isSent) => (isSent ? undefined : onGone()))
      .catch((error: unknown) => server.answerError(exchange, error))
    return true
  }

  async #sendEntry(asker: Asker, entry: CacheEntry): Promise<boolean> {
    const { exchange, headers } = asker
    const { objects } = this.#context.server
    entry.uses += 1
    const object = describe(entry, asker)
    if (this.#belongsInMemory(entry)) {
      const bytes = await this.#loads.run(keyText(entry), () => this.#load(entry))
      if (bytes === undefined) return false
      objects.send(exchange, object, { kind: 'bytes', bytes }, headers)
      return true
    }
    const handle = await this.#cache.openEntry(entry)
    if (handle === undefined) return false
    const reader = {
      fd: handle.fd,
      read: (position: number, into: Uint8Array) => handle.read(position, into),
      close: () => handle.close(),
    }
    objects.send(exchange, object, { kind: 'reader', reader }, headers)
    return true
  }

  /** From memory a large object costs half of what it costs from its file. */
  #belongsInMemory(entry: CacheEntry): boolean {
    const isWanted = entry.size <= limits.memoryFillBytesMax || entry.uses >= limits.hotUses
    return isWanted && this.#memory.takes(entry.size)
  }

  async #load(entry: CacheEntry): Promise<Buffer | undefined> {
    const handle = await this.#cache.openEntry(entry)
    if (handle === undefined) return undefined
    const bytes = Buffer.allocUnsafeSlow(entry.size)
    const count = await handle.read(0, bytes).finally(() => handle.close())
    if (count !== entry.size) throw servingError('LW_SERVE_OBJECT_DAMAGED')
    this.#memory.set(keyText(entry), { object: describe(entry, 'everybody'), bytes })
    return bytes
  }

  /** Keeps small content in memory, and writes it to disk behind the answers. */
  remember(content: CheckedContent, bytes: Buffer): void {
    const text = keyText(content)
    if (this.#memory.get(text) !== undefined) return
    this.#memory.set(text, { object: describe(content, 'everybody'), bytes })
    const mayWrite = this.#cache.isUsable && this.#writing.size < limits.writesWaitingMax
    if (!mayWrite || content.size > this.#cache.budgetBytes || this.#cache.has(content)) return
    const writing = this.#write(content, bytes).finally(() => this.#writing.delete(writing))
    this.#writing.add(writing)
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

  /** Resolves when nothing is being written. */
  async written(): Promise<void> {
    await Promise.all(this.#writing)
  }
}
