import { createHash } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { constants, createBrotliCompress } from 'node:zlib'
import { type Digest, digestOf } from '../../protocol/index.ts'
import { BinaryEncoder } from '../entropy/binary-encoder.ts'
import { deltaError } from '../errors.ts'
import { deltaLimits } from '../limits.ts'
import { memoryObjectSource, type ObjectSource } from '../objects/object-source.ts'
import { applyBundle } from './apply-bundle.ts'
import { attributesOf, codeHead } from './bundle-head.ts'
import { encodeHeader, noBulk, shortId } from './container.ts'
import { FileModels } from './file-models.ts'
import type { MakeBundleOptions } from './make-bundle.ts'
import type { PlannedRelease } from './plan-release.ts'
import { type MakeNotes, unlimited } from './make-streams.ts'
import { chooseSizes, codeSettings, noPrimer } from './model-settings.ts'
import { expectationOf } from './prove-bundle.ts'
import { codeReferenceUse } from './reference-use.ts'
import { codeViews, noViews } from './view-coder.ts'

/** A bundle that lies where it was asked for. */
export interface WrittenBundle {
  readonly sha256: string
  readonly bytes: number
  readonly notes: MakeNotes
}

/**
 * The bundle that matches nothing: all new objects in one brotli stream. Needs hardly any memory,
 * takes releases of any size, and runs off the event loop as the codec does.
 */
export async function makeWholeBundle(
  options: MakeBundleOptions,
  release: PlannedRelease,
  path: string,
): Promise<WrittenBundle> {
  const started = performance.now()
  const packedPath = `${path}.packed`
  try {
    const bulkBytes = await packObjects(options, release, packedPath)
    const core = encodeWhole(release)
    const header = encodeHeader({
      oldManifest: shortId(digestOf(options.oldManifest)),
      bulk: { ...noBulk, literals: { method: 'brotli-streamed', bytes: bulkBytes } },
    })
    const written = await concatenate(path, header, packedPath, core)
    await prove(options, path)
    const notes = { whole: 1, bulk: bulkBytes, codeMs: Math.round(performance.now() - started) }
    return { ...written, notes }
  } finally {
    await rm(packedPath, { force: true })
  }
}

async function packObjects(
  options: MakeBundleOptions,
  { plan, digestAt }: PlannedRelease,
  path: string,
): Promise<number> {
  const handle = await open(path, 'w')
  const packer = createBrotliCompress({
    params: {
      [constants.BROTLI_PARAM_QUALITY]: options.effort === 'best' ? 9 : 5,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    },
  })
  let bytes = 0
  const digests = plan.built.map((object) => digestAt.get(object.path) as Digest)
  try {
    await pipeline(
      () => contents(digests, options.source, options.signal),
      packer,
      async (pieces: AsyncIterable<Uint8Array>) => {
        for await (const piece of pieces) {
          await handle.writeFile(piece)
          bytes += piece.length
        }
      },
    )
  } finally {
    await handle.close()
  }
  return bytes
}

async function* contents(
  digests: readonly Digest[],
  source: ObjectSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for (const digest of digests) {
    const reader = await source.open(digest)
    try {
      for (let at = 0; at < reader.size; ) {
        if (signal?.aborted === true) throw deltaError('LW_DELTA_CANCELLED')
        const piece = new Uint8Array(Math.min(deltaLimits.segmentBytes, reader.size - at))
        const length = await reader.read(at, piece)
        if (length === 0) throw deltaError('LW_DELTA_BASE', { detail: `${digest} is damaged.` })
        yield piece.subarray(0, length)
        at += length
      }
    } finally {
      await reader.close()
    }
  }
}

/** The core stream: the manifest part, and for each file that all of it comes from the bulk. */
function encodeWhole({ old, next, script, plan }: PlannedRelease): Uint8Array {
  const coder = new BinaryEncoder()
  codeHead(coder, old, unlimited, { attributes: attributesOf(next), script, extras: [] })
  codeViews(coder, plan, noViews)
  const settings = { sizes: chooseSizes(0, 0), primer: noPrimer }
  codeSettings(coder, settings, plan.baseBytes)
  const models = new FileModels(coder, settings.sizes)
  const { doors } = coder.kernel
  for (const { size } of plan.built) {
    models.codeCoding({ copies: 'inexact', literals: 'bulk', differences: 'modelled' })
    doors.beginEncodingFile(0, 0)
    if (size > 0) doors.encodeLiteralCount(size, size)
    codeReferenceUse(coder, models.sides, undefined, () => undefined)
  }
  return coder.finish()
}

async function concatenate(
  path: string,
  header: Uint8Array,
  packedPath: string,
  core: Uint8Array,
): Promise<{ sha256: string; bytes: number }> {
  const target = await open(path, 'wx')
  const packed = await open(packedPath, 'r')
  const hash = createHash('sha256')
  let bytes = 0
  const put = async (piece: Uint8Array): Promise<void> => {
    hash.update(piece)
    bytes += piece.length
    await target.writeFile(piece)
  }
  try {
    await put(header)
    const piece = new Uint8Array(deltaLimits.segmentBytes)
    for (;;) {
      const { bytesRead } = await packed.read(piece)
      if (bytesRead === 0) break
      await put(piece.subarray(0, bytesRead))
    }
    await put(core)
  } finally {
    await packed.close()
    await target.close()
  }
  return { sha256: hash.digest('hex'), bytes }
}

/** Nothing is copied, so that no old object is asked for. */
async function prove(options: MakeBundleOptions, path: string): Promise<void> {
  await applyBundle({
    bundle: { path },
    oldManifest: options.oldManifest,
    source: memoryObjectSource(new Map()),
    staging: {
      create: async () => ({ write: async () => {}, close: async () => {} }),
      open: () => Promise.reject(new TypeError('whole bundles copy nothing')),
    },
    expect: expectationOf(options.newManifest),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
}
