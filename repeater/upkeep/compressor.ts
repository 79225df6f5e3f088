import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import type { Logger } from 'pino'
import type { Digest } from '../../protocol/index.ts'
import type { ObjectStore } from '../../store/objects/index.ts'
import { repeaterLimits as limits } from '../limits.ts'

const compress = promisify(brotliCompress)

/** Makes precompressed forms of objects that somebody asked for, one at a time, beside serving. */
export class Compressor {
  readonly #objects: ObjectStore
  readonly #logger: Logger
  readonly #queue = new Set<Digest>()
  /** Objects that do not get smaller. */
  readonly #useless = new Set<Digest>()
  #running: Promise<void> | undefined
  #isStopped = false

  constructor(options: { readonly objects: ObjectStore; readonly logger: Logger }) {
    this.#objects = options.objects
    this.#logger = options.logger
  }

  ask(digest: Digest): void {
    if (this.#isStopped || this.#useless.has(digest)) return
    if (this.#queue.size >= limits.compressQueueMax) return
    this.#queue.add(digest)
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined
    })
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#queue.clear()
    await this.#running
  }

  async #work(): Promise<void> {
    for (const digest of this.#queue) {
      this.#queue.delete(digest)
      try {
        await this.#compress(digest)
      } catch (error) {
        this.#logger.warn({ err: error, object: digest }, 'an object could not be compressed')
      }
    }
  }

  async #compress(digest: Digest): Promise<void> {
    const size = (await this.#objects.size(digest)) ?? 0
    if (size < limits.compressBytesMin || size > limits.compressBytesMax) return
    const bytes = await this.#objects.load(digest, { bytesMax: limits.compressBytesMax })
    const quality = size <= limits.compressGoodBytesMax ? 9 : 5
    const packed = await compress(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: quality,
        [constants.BROTLI_PARAM_SIZE_HINT]: size,
      },
    })
    if (packed.byteLength < size * limits.compressShareMax) {
      await this.#objects.putVariant(digest, 'br', [packed])
    } else if (this.#useless.size < limits.compressQueueMax) this.#useless.add(digest)
  }
}
