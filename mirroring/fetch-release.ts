import type { ObjectSource } from '../delta/index.ts'
import {
  type ChannelName,
  type Digest,
  digestOf,
  filesOf,
  isLongwaveError,
  limits,
  type Manifest,
  parseManifest,
  totalsOf,
} from '../protocol/index.ts'
import type { ReleaseTarget } from '../trust/index.ts'
import { mirroringError } from './errors.ts'
import type { FetchContext, TransferCost } from './fetch-context.ts'
import { fetchObjects } from './fetch-objects.ts'
import type { WantedObject } from './wanted-object.ts'
import { findRoutes, type Route } from './routes.ts'
import { takeDifferences } from './take-differences.ts'
import { takeBundles } from './take-bundles.ts'

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
}

export interface FetchedRelease {
  readonly manifest: Manifest
  readonly manifestBytes: Uint8Array
  /** Objects of the release that the base did not have; each lies verified in staging. */
  readonly staged: readonly Digest[]
  /** The route that worked. */
  readonly route: Route
  /** Files that were built from differences of their own, outside bundles. */
  readonly differences: number
  /** All routes that were known, cheapest first. */
  readonly considered: readonly Route[]
  readonly cost: Readonly<TransferCost>
  /** Routes that broke before, with why. */
  readonly broken: readonly { readonly route: Route; readonly error: unknown }[]
}

/**
 * Brings a release into staging by the cheapest route that works, verified against the signed head.
 * A broken route falls to the next and keeps what was verified. What an earlier run brought
 * completely is not asked for again.
 * @throws LW_MIRROR_MANIFEST, LW_MIRROR_OBJECT, LW_MIRROR_OBJECT_GONE, transfer errors.
 */
export async function fetchRelease(options: FetchReleaseOptions): Promise<FetchedRelease> {
  const known = await stagedManifest(options)
  if (known !== undefined) {
    const wanted = missingObjects(options, known.manifest)
    if (wanted.every((object) => options.staging.has(object.sha256))) {
      const route: Route = { kind: 'whole', bytes: 0 }
      return {
        ...known,
        ...outcomeOf(wanted),
        differences: 0,
        route,
        considered: [route],
        cost: noCost(),
        broken: [],
      }
    }
  }
  const considered = await findRoutes(options, {
    from: options.base?.release ?? 0,
    heldBytes: heldBytes(options),
    head: options.head,
    wholeBytes: wholeBytes(options, known?.manifest),
  })
  return takeFirstThatWorks(options, considered)
}

function noCost(): TransferCost {
  return { manifest: 0, bundle: 0, objects: 0 }
}

function outcomeOf(wanted: readonly WantedObject[]): Pick<FetchedRelease, 'staged'> {
  return { staged: wanted.map((object) => object.sha256) }
}

async function takeFirstThatWorks(
  options: FetchReleaseOptions,
  considered: readonly Route[],
): Promise<FetchedRelease> {
  const cost = noCost()
  const broken: { route: Route; error: unknown }[] = []
  for (const route of considered) {
    try {
      const taken = await takeRoute(options, route, cost)
      const known = refined(options, considered, taken.manifest)
      // The route that worked stays one of those that were considered.
      const worked = known.find((each) => each.kind === 'whole' && route.kind === 'whole') ?? route
      return { ...taken, route: worked, considered: known, cost, broken }
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!isLongwaveError(error) || isRefusal(error)) throw error
      broken.push({ route, error })
    }
  }
  // The last word has the route that every server offers.
  const whole = broken.find((each) => each.route.kind === 'whole') ?? broken.at(-1)
  throw whole?.error ?? mirroringError('LW_MIRROR_NO_SOURCE')
}

/**
 * Errors of the caller's own, such as a full disk, are about no route. What is missing in the base,
 * edited or lost meanwhile, is about the routes that build on it.
 */
function isRefusal(error: { readonly code: string }): boolean {
  return /^LW_(TUNER|STORE)_/.test(error.code) && error.code !== 'LW_TUNER_NO_GENERATION'
}

async function takeRoute(
  options: FetchReleaseOptions,
  route: Route,
  cost: TransferCost,
): Promise<Pick<FetchedRelease, 'manifest' | 'manifestBytes' | 'staged' | 'differences'>> {
  const { requireSpace } = options
  let manifestBytes: Uint8Array
  if (route.kind === 'bundle') {
    const bytes = route.bytes + newBytesEstimate(options)
    await requireSpace?.({ bytes, names: route.steps.length, isExact: false })
    manifestBytes = await takeBundles(options, route.steps, cost)
  } else manifestBytes = await takeManifest(options, cost)
  const manifest = acceptManifest(options, manifestBytes)
  const wanted = missingObjects(options, manifest)
  const needed = wanted.filter((object) => !options.staging.has(object.sha256))
  if (needed.length > 0) {
    const bytes = needed.reduce((sum, object) => sum + object.size, 0)
    await requireSpace?.({ bytes, names: needed.length, isExact: true })
  }
  const taken = await takeDifferences(options, manifest)
  const packs = route.kind === 'whole' ? route.packs : undefined
  cost.objects += taken.bytes + (await fetchObjects(options, wanted, packs))
  return { manifest, manifestBytes, differences: taken.files, ...outcomeOf(wanted) }
}

function heldBytes(options: FetchReleaseOptions): number {
  let bytes = 0
  for (const file of options.base === undefined ? [] : filesOf(options.base.manifest)) {
    bytes += file.size
  }
  return bytes
}

/** Before the manifest is known only totals are: what is new is at least the growth. */
function newBytesEstimate(options: FetchReleaseOptions): number {
  const { head } = options
  return Math.max(head.largestFileBytes, head.totalBytes - heldBytes(options))
}

/** What the objects cost one by one at the most; exact when the manifest lies here already. */
function wholeBytes(options: FetchReleaseOptions, manifest: Manifest | undefined): number {
  const { head, staging } = options
  if (manifest === undefined) return head.totalBytes + head.bytes
  return missingObjects(options, manifest)
    .filter((object) => !staging.has(object.sha256))
    .reduce((sum, object) => sum + object.size, 0)
}

/**
 * What whole files are is told in one measure, whichever way was taken: the bytes of the files that
 * changed, not compressed, and of the manifest. Before it was there they were a guess from signed
 * totals, or the compressed size that a server named, by which routes are chosen.
 */
function refined(
  options: FetchReleaseOptions,
  considered: readonly Route[],
  manifest: Manifest,
): readonly Route[] {
  const objects = missingObjects(options, manifest).reduce((sum, { size }) => sum + size, 0)
  const bytes = objects + options.head.bytes
  return considered
    .map((route) => (route.kind === 'whole' ? { ...route, bytes } : route))
    .sort((a, b) => a.bytes - b.bytes)
}

/** Objects that the base does not have; staging may have them. */
function missingObjects(options: FetchReleaseOptions, manifest: Manifest): WantedObject[] {
  const wanted = new Map<Digest, WantedObject>()
  for (const file of filesOf(manifest)) {
    if (options.base?.has(file.sha256) === true) continue
    const { sha256, size, mime, path } = file
    wanted.set(sha256, { sha256, size, mime, path })
  }
  return [...wanted.values()]
}

/** The head's manifest when an earlier run has brought it. */
async function stagedManifest(
  options: FetchReleaseOptions,
): Promise<Pick<FetchedRelease, 'manifest' | 'manifestBytes'> | undefined> {
  const { staging, head } = options
  if (options.manifestBytes !== undefined) {
    await staging.adoptBytes(head.sha256, options.manifestBytes)
  }
  if (!staging.has(head.sha256)) return undefined
  const manifestBytes = await staging.fileSystem.readFile(staging.objectPath(head.sha256))
  return { manifest: acceptManifest(options, manifestBytes), manifestBytes }
}

async function takeManifest(options: FetchReleaseOptions, cost: TransferCost): Promise<Uint8Array> {
  const { head, staging } = options
  if (head.bytes > limits.manifestBytesMax) throw mirroringError('LW_MIRROR_MANIFEST')
  const object = { sha256: head.sha256, size: head.bytes, mime: 'application/json' }
  cost.manifest += await fetchObjects(options, [object])
  return staging.fileSystem.readFile(staging.objectPath(head.sha256))
}

/** The manifest must be the signed one, of this channel and this release, and what was said of it. */
function acceptManifest(options: FetchReleaseOptions, bytes: Uint8Array): Manifest {
  const { head, channel } = options
  if (bytes.byteLength !== head.bytes || digestOf(bytes) !== head.sha256) {
    throw mirroringError('LW_MIRROR_MANIFEST', { detail: 'Its digest differs.' })
  }
  const manifest = parseSigned(bytes)
  if (manifest.channel !== channel || manifest.release !== head.release) {
    throw mirroringError('LW_MIRROR_MANIFEST', {
      detail: 'It belongs to another channel or release.',
    })
  }
  const totals = totalsOf(manifest)
  const isAsSaid =
    totals.entries === head.entries &&
    totals.totalBytes === head.totalBytes &&
    totals.largestFileBytes === head.largestFileBytes &&
    manifest.label === head.label
  // Disk space and bundles were bounded by these figures.
  if (!isAsSaid) {
    throw mirroringError('LW_MIRROR_MANIFEST', {
      detail: 'The signed figures are not those of its files.',
    })
  }
  options.requireManifest?.(manifest)
  return manifest
}

/** A manifest that breaks the format is its publisher's fault, and no word of the person's. */
function parseSigned(bytes: Uint8Array): Manifest {
  try {
    return parseManifest(bytes)
  } catch (cause) {
    if (!isLongwaveError(cause)) throw cause
    throw mirroringError('LW_MIRROR_MANIFEST', { detail: cause.message, cause })
  }
}
