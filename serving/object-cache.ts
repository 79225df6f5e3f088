import { createHash } from 'node:crypto'
import { read } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { servingError } from './errors.ts'
import { ObjectMemory } from './object-memory.ts'
import type { DescribedObject, ObjectSender } from './object-sender.ts'
import { closeObject, type OpenObject } from './object-transfer.ts'
import { type HotHeaders, readHotHeaders } from './raw-headers.ts'

const readFile = promisify(read)

/** An object found in a store. */
export interface OpenedObject {
  readonly object: DescribedObject
  readonly source: OpenObject
}

/** A request and its untouched response. */
export interface RawExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** What `ObjectCache` takes. */
export interface ObjectCacheOptions {
  readonly sender: ObjectSender
  readonly answerError: (exchange: RawExchange, error: unknown) => void
  readonly memory?: ObjectMemory<KeptObject>
  /** Told of an object whose bytes are not those that its digest names. */
  readonly onDamaged?: (key: string) => void
}

/** An object in memory. */
export interface KeptObject {
  readonly object: DescribedObject
  readonly bytes: Uint8Array
}

/**
 * Serves objects from memory when they are small and were asked for before, from their store
 * otherwise. What goes into memory is checked against its digest first, so that a damaged file
 * is noticed instead of being served over and over.
 */
export class ObjectCache {
  readonly memory: ObjectMemory<KeptObject>
  readonly #options: ObjectCacheOptions

  constructor(options: ObjectCacheOptions) {
    this.#options = options
    this.memory = options.memory ?? new ObjectMemory()
  }

  /**
   * Answers a request with the object under a key; authorisation is the caller's, before.
   * @param open finds and opens the object; undefined when there is none
   */
  send(
    exchange: RawExchange,
    key: string,
    open: () => Promise<OpenedObject | undefined>,
    headers: HotHeaders = readHotHeaders(exchange.request),
  ): void {
    const kept = this.memory.get(key)
    if (kept !== undefined) {
      const source = { kind: 'bytes', bytes: kept.bytes } as const
      this.#options.sender.send(exchange, kept.object, source, headers)
      return
    }
    open()
      .then((opened) => this.#sendOpened(exchange, key, opened, headers))
      .catch((error: unknown) => this.#options.answerError(exchange, error))
  }

  async #sendOpened(
    exchange: RawExchange,
    key: string,
    opened: OpenedObject | undefined,
    headers: HotHeaders,
  ): Promise<void> {
    if (opened === undefined) throw servingError('LW_SERVE_NOT_FOUND')
    const { object, source } = opened
    if (!this.memory.takes(object.facts.size)) {
      this.#options.sender.send(exchange, object, source, headers)
      return
    }
    const bytes = await readWhole(source, object.facts.size)
    if (!isIntact(bytes, object)) {
      this.#options.onDamaged?.(key)
      throw servingError('LW_SERVE_OBJECT_DAMAGED')
    }
    this.memory.set(key, { object, bytes })
    this.#options.sender.send(exchange, object, { kind: 'bytes', bytes }, headers)
  }
}

/** Reads a small object and closes it. */
async function readWhole(source: OpenObject, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(size)
  let filled = 0
  try {
    while (filled < size) {
      const into = bytes.subarray(filled)
      const read =
        source.kind === 'fd'
          ? (await readFile(source.fd, into, 0, into.byteLength, filled)).bytesRead
          : await source.reader.read(filled, into)
      if (read === 0) break
      filled += read
    }
  } finally {
    closeObject(source)
  }
  return bytes.subarray(0, filled)
}

function isIntact(bytes: Uint8Array, object: DescribedObject): boolean {
  const { size, digest } = object.facts
  if (bytes.byteLength !== size) return false
  return digest === undefined || createHash('sha256').update(bytes).digest('hex') === digest
}
