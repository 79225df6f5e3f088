import {
  applyBundle,
  type ExpectedRelease,
  memoryObjectSource,
  type ObjectReader,
  type ObjectSource,
} from '../delta/index.ts'
import {
  type BundleOffer,
  type Digest,
  emptyManifest,
  isLongwaveError,
  parseManifest,
  filesOf,
} from '../protocol/index.ts'
import { discardPartial, downloadVerified } from './download.ts'
import { mirroringError } from './errors.ts'
import type { TransferCost } from './fetch-context.ts'
import type { FetchReleaseOptions } from './fetch-release.ts'
import type { StagingArea } from './staging-area.ts'

/** A release that a bundle starts from. */
interface StepBase {
  readonly manifestBytes: Uint8Array
  readonly source: ObjectSource
}

/**
 * Downloads the bundles of a route and applies them one after the other, each to what the one
 * before built. Only the last result is signed: figures of releases between bound what a step may
 * write, and the head's digest decides over all of it. The head's manifest and objects end in
 * staging; what only releases between had is dropped.
 */
export async function takeBundles(
  options: FetchReleaseOptions,
  steps: readonly BundleOffer[],
  cost: TransferCost,
): Promise<Uint8Array> {
  const { base, staging, head } = options
  // All of them first: a chain with a missing link should not be begun.
  const files: string[] = []
  for (const step of steps) files.push(await downloadBundle(options, step, cost))
  const between = new Set<Digest>()
  let from: StepBase = {
    manifestBytes: base?.manifestBytes ?? emptyManifest(options.channel, options.name),
    source: base?.source ?? memoryObjectSource(new Map()),
  }
  for (const [index, step] of steps.entries()) {
    const isLast = index === steps.length - 1
    const expect = isLast ? expectationOfHead(options) : expectationOfStep(step)
    const built = await applyStep(options, from, { file: files[index] ?? '', expect })
    for (const digest of built.objects) if (!isLast) between.add(digest)
    from = { manifestBytes: built.manifest, source: stagedOver(staging, from.source) }
  }
  await staging.adoptBytes(head.sha256, from.manifestBytes)
  for (const step of steps) await discardPartial(staging, step.sha256 as Digest)
  for (const file of filesOf(parseManifest(from.manifestBytes))) between.delete(file.sha256)
  for (const digest of between) await staging.drop(digest)
  return from.manifestBytes
}

function expectationOfHead({ head }: FetchReleaseOptions): ExpectedRelease {
  return {
    manifestSha256: head.sha256,
    manifestBytes: head.bytes,
    totalBytes: head.totalBytes,
    largestFileBytes: head.largestFileBytes,
    entries: head.entries,
  }
}

function expectationOfStep(step: BundleOffer): ExpectedRelease {
  if (step.figures === undefined) throw mirroringError('LW_MIRROR_NO_SOURCE')
  const { manifest, ...figures } = step.figures
  return { manifestSha256: manifest as Digest, ...figures }
}

async function downloadBundle(
  options: FetchReleaseOptions,
  step: BundleOffer,
  cost: TransferCost,
): Promise<string> {
  const sha256 = step.sha256 as Digest
  let last: unknown
  for (const source of options.sources) {
    try {
      const url = `${source}/deltas/${step.from}..${step.to}/${step.sha256}`
      // Whole files are always to be had instead, and what arrived is kept for the next run.
      const replaceable = true
      const download = { url, sha256, size: step.bytes, stage: 'bundle', replaceable } as const
      const { file, received } = await downloadVerified(options, download)
      cost.bundle += received
      return file
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!isLongwaveError(error)) throw error
      last = error
    }
  }
  throw last ?? mirroringError('LW_MIRROR_NO_SOURCE')
}

/** Applies a bundle to numbered outputs; they get their objects' names once all is verified. */
async function applyStep(
  options: FetchReleaseOptions,
  base: StepBase,
  step: { readonly file: string; readonly expect: ExpectedRelease },
): Promise<{ readonly manifest: Uint8Array; readonly objects: readonly Digest[] }> {
  const { staging, signal, onProgress } = options
  const fs = staging.fileSystem
  let doneBytes = 0
  const totalBytes = step.expect.totalBytes
  const result = await applyBundle({
    bundle: await bundleInput(staging, step.file),
    oldManifest: base.manifestBytes,
    source: base.source,
    staging: {
      create: async (index, size) => {
        await options.requireSpace?.({ bytes: size, names: 1, isExact: true })
        const handle = await fs.open(staging.outputPath(index), 'w', 0o600)
        return {
          write: async (bytes) => {
            await handle.write(bytes)
            doneBytes += bytes.byteLength
            onProgress?.({ stage: 'apply', doneBytes, totalBytes })
          },
          close: () => handle.close(),
        }
      },
      open: async (index) => openReader(staging, staging.outputPath(index)),
      scratchPath: (name) => staging.scratchPath(name),
    },
    expect: step.expect,
    ...(signal === undefined ? {} : { signal }),
  })
  for (const object of result.objects) {
    await staging.adoptFile(object.sha256, staging.outputPath(object.index))
  }
  return { manifest: result.manifest, objects: result.objects.map((object) => object.sha256) }
}

/** Small bundles are read whole; large ones by position from their file. */
async function bundleInput(staging: StagingArea, file: string) {
  const { size } = await staging.fileSystem.lstat(file)
  return size <= bundleInMemoryBytesMax ? staging.fileSystem.readFile(file) : { path: file }
}

const bundleInMemoryBytesMax = 4 * 1024 * 1024

/** Objects that were built lie in staging, the others where the base has them. */
function stagedOver(staging: StagingArea, base: ObjectSource): ObjectSource {
  return {
    open: (digest) =>
      staging.has(digest) ? openReader(staging, staging.objectPath(digest)) : base.open(digest),
  }
}

async function openReader(staging: StagingArea, file: string): Promise<ObjectReader> {
  const handle = await staging.fileSystem.open(file, 'r')
  const { size } = await handle.stat()
  return {
    size,
    read: (position, into) => handle.read(position, into),
    close: () => handle.close(),
  }
}
