import { applyBundle, memoryObjectSource, type ObjectSource } from '../delta/index.ts'
import {
  type ChannelName,
  type Digest,
  digestOf,
  emptyManifest,
  filesOf,
  isLongwaveError,
  limits,
  type Manifest,
  parseManifest,
} from '../protocol/index.ts'
import type { ReleaseTarget } from '../trust/index.ts'
import { mirroringError } from './errors.ts'
import {
  discardPartial,
  downloadToPartial,
  type FetchContext,
  fetchObjects,
  type TransferCost,
  type WantedObject,
} from './fetch-objects.ts'
import { findRoutes, type Route } from './routes.ts'

/** The release that is held, as a base for differences. */
export interface ReleaseBase {
  readonly release: number
  readonly manifestBytes: Uint8Array
  readonly manifest: Manifest
  /** Opens the held objects by digest. */
  readonly source: ObjectSource
  /** Objects that are held and sound: they are not fetched. */
  has(digest: Digest): boolean
}

export interface FetchReleaseOptions extends FetchContext {
  readonly channel: Digest
  /** The channel's name at its origin. */
  readonly name: ChannelName
  /** From verified metadata. */
  readonly head: ReleaseTarget
  readonly base: ReleaseBase | undefined
  /** Called with the plan before content is downloaded; throws to refuse (disk space). */
  readonly onPlan?: (plan: FetchPlan) => Promise<void> | void
}

export interface FetchPlan {
  readonly routes: readonly Route[]
  readonly downloadBytes: number
  readonly head: ReleaseTarget
}

export interface FetchedRelease {
  readonly manifest: Manifest
  readonly manifestBytes: Uint8Array
  /** Objects of the release that the base did not have; each lies verified in staging. */
  readonly staged: readonly Digest[]
  /** The route that worked. */
  readonly route: Route
  /** All routes that were known, cheapest first. */
  readonly considered: readonly Route[]
  readonly cost: Readonly<TransferCost>
  /** Routes that broke before, with why. */
  readonly broken: readonly { readonly route: Route; readonly error: unknown }[]
}

/**
 * Brings a release into staging by the cheapest route that works, verified against the signed head.
 * A broken route falls to the next and keeps what was verified.
 * @throws LW_MIRROR_MANIFEST, LW_MIRROR_OBJECT, LW_MIRROR_OBJECT_GONE, transfer errors.
 */
export async function fetchRelease(options: FetchReleaseOptions): Promise<FetchedRelease> {
  const { head, base } = options
  const considered = await findRoutes(options, {
    from: base?.release ?? 0,
    head,
    wholeBytes: estimateWholeBytes(options),
  })
  await options.onPlan?.({ routes: considered, downloadBytes: considered[0]?.bytes ?? 0, head })
  const cost: TransferCost = { manifest: 0, bundle: 0, objects: 0 }
  const broken: { route: Route; error: unknown }[] = []
  for (const route of considered) {
    try {
      const manifestBytes =
        route.kind === 'bundle'
          ? await takeBundles(options, route.steps, cost)
          : await takeManifest(options, cost)
      const manifest = acceptManifest(options, manifestBytes)
      const wanted = missingObjects(options, manifest)
      cost.objects += await fetchObjects(options, wanted)
      return {
        manifest,
        manifestBytes,
        staged: wanted.map((object) => object.sha256),
        route,
        considered,
        cost,
        broken,
      }
    } catch (error) {
      options.signal?.throwIfAborted()
      if (route.kind === 'whole' || !isLongwaveError(error)) throw error
      broken.push({ route, error })
    }
  }
  throw mirroringError('LW_MIRROR_NO_SOURCE')
}

/** Before the manifest is known only totals are: the signed total less what unchanged files may save. */
function estimateWholeBytes(options: FetchReleaseOptions): number {
  return options.head.totalBytes + options.head.bytes
}

/** Objects that neither the base nor staging has. */
function missingObjects(options: FetchReleaseOptions, manifest: Manifest): WantedObject[] {
  const wanted = new Map<Digest, WantedObject>()
  for (const file of filesOf(manifest)) {
    if (options.base?.has(file.sha256) === true) continue
    wanted.set(file.sha256, { sha256: file.sha256, size: file.size, mime: file.mime })
  }
  return [...wanted.values()]
}

async function takeManifest(options: FetchReleaseOptions, cost: TransferCost): Promise<Uint8Array> {
  const { head, staging } = options
  if (head.bytes > limits.manifestBytesMax) throw mirroringError('LW_MIRROR_MANIFEST')
  const object = { sha256: head.sha256, size: head.bytes, mime: 'application/json' }
  cost.manifest += await fetchObjects(options, [object])
  return staging.fileSystem.readFile(staging.objectPath(head.sha256))
}

/** Downloads and applies the bundles of a route one after the other. */
async function takeBundles(
  options: FetchReleaseOptions,
  steps: Extract<Route, { kind: 'bundle' }>['steps'],
  cost: TransferCost,
): Promise<Uint8Array> {
  const last = steps.at(-1)
  if (steps.length !== 1 || last === undefined) return takeChain(options, steps, cost)
  const file = await downloadBundle(options, last, cost)
  return applyStep(options, file, last.sha256 as Digest)
}

async function takeChain(
  _options: FetchReleaseOptions,
  _steps: Extract<Route, { kind: 'bundle' }>['steps'],
  _cost: TransferCost,
): Promise<Uint8Array> {
  throw mirroringError('LW_MIRROR_NO_SOURCE')
}

async function downloadBundle(
  options: FetchReleaseOptions,
  step: {
    readonly from: number
    readonly to: number
    readonly sha256: string
    readonly bytes: number
  },
  cost: TransferCost,
): Promise<string> {
  const digest = step.sha256 as Digest
  let last: unknown
  for (const source of options.sources) {
    try {
      const url = `${source}/deltas/${step.from}..${step.to}/${step.sha256}`
      const {
        file,
        digest: actual,
        received,
      } = await downloadToPartial(options, url, digest, step.bytes, 'bundle')
      cost.bundle += received
      if (actual === digest) return file
      await discardPartial(options.staging, digest)
      last = mirroringError('LW_MIRROR_OBJECT', { detail: 'The bundle was damaged on its way.' })
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
  file: string,
  bundle: Digest,
): Promise<Uint8Array> {
  const { head, base, staging } = options
  const fs = staging.fileSystem
  const result = await applyBundle({
    bundle: { path: file },
    oldManifest: base?.manifestBytes ?? emptyManifest(options.channel, options.name),
    source: base?.source ?? memoryObjectSource(new Map()),
    staging: {
      create: async (index) => {
        const handle = await fs.open(staging.outputPath(index), 'w', 0o600)
        return {
          write: async (bytes) => {
            await handle.write(bytes)
          },
          close: () => handle.close(),
        }
      },
      open: async (index) => {
        const handle = await fs.open(staging.outputPath(index), 'r')
        const { size } = await handle.stat()
        return {
          size,
          read: (position, into) => handle.read(position, into),
          close: () => handle.close(),
        }
      },
    },
    expect: {
      manifestSha256: head.sha256,
      manifestBytes: head.bytes,
      totalBytes: head.totalBytes,
      largestFileBytes: head.largestFileBytes,
      entries: head.entries,
    },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  for (const object of result.objects) {
    await staging.adoptFile(object.sha256, staging.outputPath(object.index))
  }
  await discardPartial(staging, bundle)
  return result.manifest
}

/** The manifest must be the signed one, of this channel and this release. */
function acceptManifest(options: FetchReleaseOptions, bytes: Uint8Array): Manifest {
  const { head, channel } = options
  if (bytes.byteLength !== head.bytes || digestOf(bytes) !== head.sha256) {
    throw mirroringError('LW_MIRROR_MANIFEST', { detail: 'Its digest differs.' })
  }
  const manifest = parseManifest(bytes)
  if (manifest.channel !== channel || manifest.release !== head.release) {
    throw mirroringError('LW_MIRROR_MANIFEST', {
      detail: 'It belongs to another channel or release.',
    })
  }
  return manifest
}
