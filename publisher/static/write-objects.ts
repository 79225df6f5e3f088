import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import type { Digest, FileEntry } from '../../protocol/index.ts'
import { inParallel } from '../../store/durable-files/index.ts'
import { publishError } from '../errors.ts'
import { publisherLimits } from '../limits.ts'
import type { ScannedSource } from '../scan/index.ts'
import { isCompressible } from '../upload/index.ts'
import { type StaticSite, writesAtOnce } from './static-site.ts'

const compress = promisify(brotliCompress)

export interface WrittenObjects {
  readonly written: number
  readonly writtenBytes: number
}

export interface WriteObjectsOptions {
  readonly site: StaticSite
  readonly source: ScannedSource
  readonly files: readonly FileEntry[]
  readonly signal?: AbortSignal | undefined
  readonly onWritten?: ((bytes: number) => void) | undefined
}

/** Writes the objects that the folder lacks, each durable before anything refers to it. */
export async function writeObjects(options: WriteObjectsOptions): Promise<WrittenObjects> {
  const { site, source, signal } = options
  const objects = new Map<Digest, FileEntry>()
  for (const file of options.files) objects.set(file.sha256, file)
  let written = 0
  let writtenBytes = 0
  await inParallel([...objects.values()], writesAtOnce, async (file) => {
    signal?.throwIfAborted()
    const { sha256, size } = file
    if ((await site.objectSize(sha256)) === size) return
    if (size <= publisherLimits.staticCompressBytesMax) {
      const bytes = await source.readWhole(sha256)
      const packed = await compressed(file, bytes)
      // The object itself comes last: where it is, its compressed form is, too.
      if (packed !== undefined) await site.writeObject(`${sha256}.br`, packed)
      await site.writeObject(sha256, bytes)
      writtenBytes += packed?.byteLength ?? 0
    } else await site.writeObject(sha256, checkedStream(file, source))
    written++
    writtenBytes += size
    options.onWritten?.(size)
  })
  if (written > 0) await site.syncObjects()
  return { written, writtenBytes }
}

/** The precompressed form where it saves at least a tenth. */
export async function compressed(
  file: Pick<FileEntry, 'size' | 'mime'>,
  bytes: Uint8Array,
): Promise<Uint8Array | undefined> {
  if (file.size < publisherLimits.compressBytesMin || !isCompressible(file.mime)) return undefined
  const packed = await compress(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 9,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength,
    },
  })
  return packed.byteLength < file.size * publisherLimits.compressShareMax ? packed : undefined
}

async function* checkedStream(
  file: FileEntry,
  source: ScannedSource,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash('sha256')
  for await (const piece of source.stream(file.sha256)) {
    hash.update(piece)
    yield piece
  }
  if (hash.digest('hex') === file.sha256) return
  throw publishError('LW_PUBLISH_FILE_CHANGING', {
    detail: `${JSON.stringify(file.path)} is no longer as it was scanned.`,
    untouched: 'Nothing was published.',
  })
}
