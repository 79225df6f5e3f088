import { canonicalJson, type Digest, digestOf, type Json } from '../../protocol/index.ts'
import { BinaryDecoder } from '../entropy/binary-decoder.ts'
import type { EntropyKernel } from '../entropy/entropy-kernel.ts'
import { deltaError } from '../errors.ts'
import { deltaLimits } from '../limits.ts'
import type { ObjectSource } from '../objects/object-source.ts'
import { PoolReader } from '../objects/pool-reader.ts'
import { Scratch } from '../objects/scratch.ts'
import { type BuildPlan, type DraftOrEntry, planBuild } from '../planning/build-plan.ts'
import { layOutPool } from '../planning/pool-layout.ts'
import {
  buildFile,
  type BuiltFile,
  type FileReport,
  type KnownArchive,
  type Staging,
} from './build-file.ts'
import { BulkDifferences } from './bulk-differences.ts'
import { BulkReader } from './bulk-reader.ts'
import { BundleFile, type BundleInput } from './bundle-file.ts'
import { codeHead, type OldRelease, readOldRelease } from './bundle-head.ts'
import { bulkNames, headerBytesMax, parseHeader, shortId } from './container.ts'
import { FileModels } from './file-models.ts'
import { codeSettings, type Primer } from './model-settings.ts'
import { primeLiterals } from './prime-literals.ts'
import { unpackOldArchives } from './unpack-old-archives.ts'
import { codeViews, noViews } from './view-coder.ts'

/** The signed figures of the new release. */
export interface ExpectedRelease {
  readonly manifestSha256: Digest
  readonly manifestBytes: number
  readonly totalBytes: number
  readonly largestFileBytes: number
  readonly entries: number
}

export interface ApplyBundleOptions {
  /** The whole bundle; download it with ranges, apply it when it is complete. */
  readonly bundle: BundleInput
  readonly oldManifest: Uint8Array
  /** Objects of the old release. */
  readonly source: ObjectSource
  readonly staging: Staging
  readonly expect: ExpectedRelease
  readonly signal?: AbortSignal
  /** Archives whose rebuilding was proved before, by their number. */
  readonly known?: ((index: number) => KnownArchive | undefined) | undefined
}

/** What a bundle was made of. */
export interface ApplyReport {
  /** Bytes of the manifest part. */
  readonly headBytes: number
  readonly files: readonly FileReport[]
}

export interface AppliedBundle {
  readonly manifest: Uint8Array
  /** In output order. */
  readonly objects: readonly BuiltFile[]
  readonly report: ApplyReport
}

/**
 * Builds the new objects of a release from the old release and a bundle, and the new manifest with
 * them. Nothing is written beyond the signed sizes; the promise resolves only when the rebuilt
 * manifest, with the digests of the bytes written, has the signed id.
 * @throws LW_DELTA_FORMAT, LW_DELTA_LIMIT, LW_DELTA_BASE, LW_DELTA_RESULT, LW_DELTA_CANCELLED
 */
export async function applyBundle(options: ApplyBundleOptions): Promise<AppliedBundle> {
  const file = new BundleFile(options.bundle)
  try {
    const header = parseHeader(file.read(0, headerBytesMax))
    if (header.oldManifest !== shortId(digestOf(options.oldManifest))) {
      throw deltaError('LW_DELTA_BASE', { detail: 'It starts from another release.' })
    }
    const old = readOldRelease(options.oldManifest)
    let at = header.headerBytes
    const readers = bulkNames.map((name) => {
      const { method, bytes } = header.bulk[name]
      const start = at
      at += bytes
      if (at > file.bytes) {
        throw deltaError('LW_DELTA_FORMAT', { detail: 'It ends in its bulk streams.' })
      }
      return new BulkReader(method, file.next(start, at))
    })
    const [literals, differences, counts] = readers as [BulkReader, BulkReader, BulkReader]
    const coder = new BinaryDecoder(file.next(at, file.bytes))
    const bulkDifferences = new BulkDifferences(counts, differences)
    try {
      return await build(options, old, { coder, bulk: literals, bulkDifferences })
    } finally {
      literals.close()
    }
  } finally {
    file.close()
  }
}

interface Streams {
  readonly coder: BinaryDecoder
  readonly bulk: BulkReader
  readonly bulkDifferences: BulkDifferences
}

async function build(
  options: ApplyBundleOptions,
  old: OldRelease,
  streams: Streams,
): Promise<AppliedBundle> {
  const { expect, staging } = options
  const { coder } = streams
  const head = codeHead(coder, old, expect)
  const plan = planBuild(old.entries, old.objects, head.script, head.extras)
  refuseWrongTotals(plan, expect)
  const choice = codeViews(coder, plan, noViews)
  const scratch = new Scratch(staging.scratchPath?.bind(staging))
  const pool = new PoolReader(
    plan.base.map(({ number, position, size }) => ({
      position,
      size,
      open: () => options.source.open(old.objects.digests[number] as Digest),
    })),
    coder.kernel.pool.subarray(0, deltaLimits.baseBlocksMax * deltaLimits.segmentBytes),
  )
  try {
    const oldViews = await unpackOldArchives(plan, choice.old, { pool, scratch })
    const layout = layOutPool(plan, oldViews, choice.next)
    const settings = codeSettings(coder, undefined, pool.bytes)
    const models = new FileModels(coder, settings.sizes)
    await prime(coder.kernel, pool, settings.primer)
    const checkpoint = (): void => {
      if (options.signal?.aborted === true) throw deltaError('LW_DELTA_CANCELLED')
    }
    const parts = { ...streams, models, base: pool, scratch, checkpoint }
    const objects: BuiltFile[] = []
    const files: FileReport[] = []
    const headBytes = coder.bytesCoded
    for (const file of layout.files) {
      checkpoint()
      const { built, report } = await buildFile(file, parts, staging, options.known?.(file.index))
      objects[file.index] = built
      files.push(report)
      if (file.recipe !== undefined) continue
      const { position, formBytes: size, index } = file
      pool.append({ position, size, open: () => staging.open(index) })
    }
    const manifest = rebuildManifest(head.attributes, plan, objects, old, expect)
    return { manifest, objects, report: { headBytes, files } }
  } finally {
    await pool.close()
    await scratch.remove()
  }
}

async function prime(kernel: EntropyKernel, pool: PoolReader, primer: Primer): Promise<void> {
  if (primer.bytes === 0) return
  const bytes = new Uint8Array(primer.bytes)
  await pool.read(primer.position, bytes, 0, bytes.length)
  primeLiterals(kernel, bytes)
}

function refuseWrongTotals(plan: BuildPlan, expect: ExpectedRelease): void {
  if (plan.drafts.length !== expect.entries) {
    throw deltaError('LW_DELTA_LIMIT', { detail: 'Not as many entries as are signed.' })
  }
  if (plan.builtBytes > expect.totalBytes) {
    throw deltaError('LW_DELTA_LIMIT', { detail: 'More bytes than are signed.' })
  }
}

function rebuildManifest(
  attributes: Readonly<Record<string, Json | undefined>>,
  plan: BuildPlan,
  objects: readonly BuiltFile[],
  old: OldRelease,
  expect: ExpectedRelease,
): Uint8Array {
  const byNumber = new Map<number, BuiltFile>()
  for (const [index, object] of plan.built.entries()) {
    byNumber.set(object.number, objects[index] as BuiltFile)
  }
  const entries = plan.drafts.map((item) => finishEntry(item, byNumber, old))
  const manifest = Buffer.from(canonicalJson({ ...attributes, entries } as unknown as Json))
  if (manifest.length !== expect.manifestBytes || digestOf(manifest) !== expect.manifestSha256) {
    throw deltaError('LW_DELTA_RESULT', { untouched: 'Only staging was written.' })
  }
  return manifest
}

function finishEntry(
  item: DraftOrEntry,
  byNumber: ReadonlyMap<number, BuiltFile>,
  old: OldRelease,
): unknown {
  if ('kept' in item) return item.kept
  const { draft } = item
  if (draft.type !== 'file') return draft
  const { content, ...rest } = draft
  if (content.from === 'built') {
    const built = byNumber.get(content.object) as BuiltFile
    return { ...rest, size: built.size, sha256: built.sha256 }
  }
  const { digests, sizes } = old.objects
  return { ...rest, size: sizes[content.object], sha256: digests[content.object] }
}
