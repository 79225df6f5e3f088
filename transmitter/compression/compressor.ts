import type { Logger } from 'pino'
import type { Digest, FileEntry } from '../../protocol/index.ts'
import type { ObjectStore } from '../../store/objects/index.ts'
import type { ObjectRecord } from '../../store/server-records/index.ts'
import { transmitterLimits as limits } from '../limits.ts'
import { compressed, looksCompressible } from './compress-object.ts'

/** Kinds of files that are compressed in themselves. */
const packedKinds =
  /^(image\/(?!svg|bmp|x-icon|vnd\.microsoft)|audio\/(?!x?-?wav)|video\/|font\/woff|application\/(zip|gzip|x-(gzip|xz|bzip2?|7z-compressed|rar-compressed)|zstd|java-archive|vnd\.(rar|openxmlformats|oasis|android)))/

/** What is known of an object's compressed form: its bytes, or that it is not worth one. */
type Knowledge = number | 'useless'

/**
 * Makes the `.br` forms of objects in the background, small ones first, one at a time, so that
 * serving is never held up. What a stop interrupts is made when somebody asks for it.
 */
export class Compressor {
  readonly #objects: ObjectStore
  readonly #logger: Logger
  readonly #untilFree: () => Promise<void>
  readonly #abort = new AbortController()
  /** By class of size, the smallest first; each in order of arrival. */
  readonly #queues: readonly Set<Digest>[] = [new Set(), new Set(), new Set()]
  readonly #known = new Map<Digest, Knowledge>()
  #running: Promise<void> | undefined

  /** @param options.untilFree resolves when nothing more urgent needs the processor */
  constructor(options: {
    readonly objects: ObjectStore
    readonly logger: Logger
    readonly untilFree: () => Promise<void>
  }) {
    this.#untilFree = options.untilFree
    this.#objects = options.objects
    this.#logger = options.logger
  }

  /** Objects that wait. */
  get waiting(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.size, 0)
  }

  /** Takes on what a release brought. */
  wantAll(files: Iterable<FileEntry>): void {
    const worthy = [...files].filter((file) => !packedKinds.test(file.mime))
    worthy.sort((a, b) => a.size - b.size)
    for (const { sha256, size } of worthy) this.want({ digest: sha256, size })
  }

  /** Takes on one object; nothing happens when it waits already or is not worth it. */
  want({ digest, size }: ObjectRecord): void {
    if (size < limits.compressBytesMin || size > limits.compressBytesMax) return
    if (this.#abort.signal.aborted || this.#known.has(digest)) return
    if (this.waiting >= limits.compressQueueMax) return
    this.#queues[classOf(size)]?.add(digest)
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined
    })
  }

  /**
   * Bytes of the compressed form when it is there.
   * @param mayLook whether the disk may be asked
   */
  async sizeOf(digest: Digest, mayLook: boolean): Promise<number | undefined> {
    const known = this.#known.get(digest)
    if (known !== undefined) return known === 'useless' ? undefined : known
    if (!mayLook) return undefined
    const reader = await this.#objects.openVariant(digest, 'br')
    if (reader === undefined) return undefined
    this.#remember(digest, reader.size)
    await reader.close()
    return reader.size
  }

  /** Whether asking the disk would be needed to know. */
  isKnown(digest: Digest): boolean {
    return this.#known.has(digest)
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    for (const queue of this.#queues) queue.clear()
    await this.#running
  }

  async #work(): Promise<void> {
    // A turn of the event loop first: whoever asked has an answer to send.
    await new Promise((resolve) => setImmediate(resolve))
    for (;;) {
      await this.#untilFree()
      const digest = this.#next()
      if (digest === undefined || this.#abort.signal.aborted) return
      try {
        await this.#compress(digest)
      } catch (error) {
        if (this.#abort.signal.aborted) return
        this.#logger.warn({ err: error, digest }, 'an object could not be compressed')
      }
    }
  }

  #next(): Digest | undefined {
    for (const queue of this.#queues) {
      for (const digest of queue) {
        queue.delete(digest)
        return digest
      }
    }
    return undefined
  }

  async #compress(digest: Digest): Promise<void> {
    if ((await this.sizeOf(digest, true)) !== undefined) return
    const { signal } = this.#abort
    const reader = await this.#objects.open(digest)
    if (reader === undefined) return
    try {
      if (!(await looksCompressible(reader, signal))) {
        this.#remember(digest, 'useless')
        return
      }
      const bytesMax = Math.floor(reader.size * limits.compressShareMax)
      const isHeld = reader.size <= limits.compressGoodBytesMax
      const packed = isHeld ? await held(compressed(reader, signal), bytesMax) : undefined
      if (isHeld && packed === undefined) {
        this.#remember(digest, 'useless')
        return
      }
      await this.#objects.putVariant(digest, 'br', packed ?? compressed(reader, signal))
    } finally {
      await reader.close()
    }
    await this.sizeOf(digest, true)
    // Deleted meanwhile: nothing would ever remove its other form.
    if (!(await this.#objects.has(digest))) await this.#objects.delete(digest)
  }

  #remember(digest: Digest, knowledge: Knowledge): void {
    this.#known.delete(digest)
    this.#known.set(digest, knowledge)
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= limits.compressMemoryMax) break
      this.#known.delete(oldest)
    }
  }
}

function classOf(bytes: number): number {
  if (bytes <= limits.compressBestBytesMax) return 0
  return bytes <= limits.compressGoodBytesMax ? 1 : 2
}

/** All pieces, or undefined when they are more bytes than pay. */
async function held(
  source: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<readonly Uint8Array[] | undefined> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of source) {
    bytes += piece.byteLength
    if (bytes > bytesMax) return undefined
    pieces.push(piece)
  }
  return pieces
}
