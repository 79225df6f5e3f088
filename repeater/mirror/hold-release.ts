import path from 'node:path'
import {
  fetchRelease,
  type FetchReleaseOptions,
  type ReleaseBase,
  StagingArea,
  type TransferCost,
} from '../../mirroring/index.ts'
import {
  type ChannelName,
  type Digest,
  filesOf,
  isLongwaveError,
  limits as formatLimits,
  type Manifest,
  parseManifestInSlices,
} from '../../protocol/index.ts'
import type { IncomingObject } from '../../store/objects/index.ts'
import type { ReleaseTarget } from '../../trust/index.ts'
import { type KeptBundle, type MirrorContext, originHeaders } from '../context.ts'
import { keepBundle } from './keep-bundle.ts'
import { ReleaseUpload } from './release-upload.ts'

export interface HoldOptions {
  readonly name: ChannelName
  readonly channel: Digest
  /** From verified metadata. */
  readonly head: ReleaseTarget
  /** Channel URL, or the private one of a prepared release. */
  readonly source: string
}

/** A release whose every object lies durable in the store, leased until it is committed. */
export interface HeldRelease {
  readonly manifest: Manifest
  readonly upload: string
  /** All objects with their sizes, the manifest included. */
  readonly objects: ReadonlyMap<Digest, number>
  /** The bundle that it was built with, for tuners that will want the same. */
  readonly bundle?: KeptBundle
}

/**
 * Brings a release into the store by the cheapest route, verified against the signed head, and
 * durably. What a broken run verified is not fetched again.
 * @throws LW_MIRROR_…, LW_STORE_…, transfer errors
 */
export async function holdRelease(
  context: MirrorContext,
  options: HoldOptions,
): Promise<HeldRelease> {
  const { head, name } = options
  const upload = await ReleaseUpload.open(context, name, head.sha256)
  const present = await presentRelease(context, head, upload)
  if (present !== undefined) return present
  const directory = path.join(context.directory, 'staging', name)
  const staging = new StagingArea({ directory, fileSystem: context.fs })
  await staging.open()
  const base = await baseOf(context, name, head)
  const fetching: FetchReleaseOptions = {
    transport: context.transport,
    clock: context.clock,
    signal: context.signal,
    sources: [options.source],
    headers: originHeaders(context.origin),
    staging,
    channel: options.channel,
    name,
    head,
    base,
  }
  const bundle = await keepBundle(context, fetching)
  const fetched = await fetchRelease(fetching)
  count(context, fetched.cost)
  const objects = objectsOf(fetched.manifest, head)
  const lacking = await upload.lease(objects)
  await context.objects.receiveMany(
    incoming(staging, objects, lacking, fetched.manifestBytes, head),
    {
      onDurable: (group) => upload.delivered(group.map((object) => object.digest)),
      signal: context.signal,
    },
  )
  await staging.remove()
  return {
    manifest: fetched.manifest,
    upload: upload.record.id,
    objects,
    ...(bundle === undefined ? {} : { bundle }),
  }
}

function count(context: MirrorContext, cost: Readonly<TransferCost>): void {
  context.received.content += cost.manifest + cost.bundle + cost.objects
}

/** The release when all of it lies here already: prepared before, or left by a broken run. */
async function presentRelease(
  context: MirrorContext,
  head: ReleaseTarget,
  upload: ReleaseUpload,
): Promise<HeldRelease | undefined> {
  const manifest = await loadManifest(context, head.sha256)
  if (manifest === undefined) return undefined
  const objects = objectsOf(manifest, head)
  const lacking = await upload.lease(objects)
  return lacking.length > 0 ? undefined : { manifest, upload: upload.record.id, objects }
}

/** A manifest of the store; one that is damaged counts as absent and is set aside. */
async function loadManifest(context: MirrorContext, digest: Digest): Promise<Manifest | undefined> {
  return (await loadManifestBytes(context, digest))?.manifest
}

async function loadManifestBytes(
  context: MirrorContext,
  digest: Digest,
): Promise<{ readonly manifest: Manifest; readonly bytes: Uint8Array } | undefined> {
  try {
    const bytes = await context.objects.load(digest, { bytesMax: formatLimits.manifestBytesMax })
    return { manifest: await parseManifestInSlices(bytes), bytes }
  } catch (error) {
    if (isLongwaveError(error, 'LW_STORE_OBJECT_MISSING')) return undefined
    if (!isLongwaveError(error, 'LW_STORE_OBJECT_DAMAGED')) throw error
    await context.objects.verify(digest)
    return undefined
  }
}

function objectsOf(manifest: Manifest, head: ReleaseTarget): ReadonlyMap<Digest, number> {
  const objects = new Map<Digest, number>([[head.sha256, head.bytes]])
  for (const file of filesOf(manifest)) objects.set(file.sha256, file.size)
  return objects
}

/** The release that is served now, as the base of differences. */
async function baseOf(
  context: MirrorContext,
  name: ChannelName,
  head: ReleaseTarget,
): Promise<ReleaseBase | undefined> {
  const channel = await context.records.channels.find(name)
  if (channel === undefined) return undefined
  const release = await context.records.releases.find(name, channel.headRelease)
  const held = release && (await loadManifestBytes(context, release.manifestDigest))
  if (release === undefined || held === undefined) return undefined
  const digests = new Set(filesOf(held.manifest).map((file) => file.sha256))
  // Of a release that is half here already what lies in the store counts, too.
  const coming = await loadManifest(context, head.sha256)
  for (const file of coming === undefined ? [] : filesOf(coming)) digests.add(file.sha256)
  const missing = await context.objects.missing(digests)
  return {
    release: release.release,
    manifestBytes: held.bytes,
    manifest: held.manifest,
    has: (digest) => digests.has(digest) && !missing.has(digest),
    source: {
      open: async (digest) => {
        const object = await context.objects.open(digest)
        if (object === undefined) throw new Error(`the store lost object ${digest}`)
        return object
      },
    },
  }
}

/** What fetching left in staging, for the store, which hashes it once more as it copies. */
function* incoming(
  staging: StagingArea,
  objects: ReadonlyMap<Digest, number>,
  lacking: readonly Digest[],
  manifestBytes: Uint8Array,
  head: ReleaseTarget,
): Generator<IncomingObject> {
  for (const digest of lacking) {
    const size = objects.get(digest) ?? 0
    if (digest === head.sha256) yield { digest, size, source: [manifestBytes] }
    else yield { digest, size, source: { fromPath: staging.objectPath(digest) } }
  }
}
