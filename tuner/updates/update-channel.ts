import path from 'node:path'
import {
  type FetchContext,
  type FetchedRelease,
  fetchRelease,
  type ReleaseBase,
  StagingArea,
} from '../../mirroring/index.ts'
import {
  type ChannelName,
  type Digest,
  isLongwaveError,
  parseChannelAddress,
} from '../../protocol/index.ts'
import { type FileSystem, inParallel, isErrno } from '../../store/durable-files/index.ts'
import type { ReleaseTarget } from '../../trust/index.ts'
import {
  buildGeneration,
  type Generation,
  type GenerationStore,
  generationLimits,
  hashFile,
  releaseRecordFormat,
  verifyGeneration,
} from '../generations/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { type ChangeCount, countChanges } from './changes.ts'
import { DiskWatch } from './disk-space.ts'
import { requirePathRoom } from './path-room.ts'
import { requireCapabilities } from './requirements.ts'

/** What an update of one subscription needs besides the subscription. */
export interface UpdateContext
  extends Omit<FetchContext, 'staging' | 'requireSpace' | 'requireManifest'> {
  readonly fs: FileSystem
}

/** What an update did. */
export interface Applied {
  readonly from: number
  readonly to: number
  readonly changes: ChangeCount
  /** Absent when the release lay here already. */
  readonly fetched: FetchedRelease | undefined
}

export interface GenerationsOptions {
  readonly subscription: Subscription
  readonly store: GenerationStore
  readonly head: ReleaseTarget
  readonly kept: number
  readonly inUse?: ReadonlySet<number>
  /** Makes a complete generation the current one; the store does it at once when absent. */
  readonly switchTo?: (generation: Generation) => Promise<void>
}

/**
 * Brings the tuner's copy of a channel to the verified head as one transaction: fetch into
 * staging, build the generation beside the others, switch one link (C73). A current generation
 * whose records are damaged is no base and is replaced.
 * @throws LW_TUNER_DISK_SPACE, LW_MIRROR_…, transfer errors; the current release stays
 */
export async function updateGenerations(
  context: UpdateContext,
  options: GenerationsOptions,
): Promise<Applied> {
  const { store, head } = options
  const current = await store.usableCurrent()
  const from = current?.release ?? 0
  const lying = await soundGeneration(context, store, head)
  if (lying !== undefined) {
    await switchOver(options, lying)
    await tidy(options)
    const changes = countChanges(current?.manifest, lying.manifest)
    return { from, to: head.release, changes, fetched: undefined }
  }
  const disk = new DiskWatch(context.fs, store.directory)
  let fetched: FetchedRelease
  try {
    fetched = await fetchAndBuild(context, options, { current, disk })
  } catch (error) {
    // After a failed write or fsync nobody knows what of staging is durable: it is given up.
    if (isErrno(error) && !isLongwaveError(error)) await store.clearStaging().catch(() => undefined)
    throw await disk.explain(error)
  }
  await tidy(options)
  const changes = countChanges(current?.manifest, fetched.manifest)
  return { from, to: head.release, changes, fetched }
}

async function fetchAndBuild(
  context: UpdateContext,
  options: GenerationsOptions,
  at: { readonly current: Generation | undefined; readonly disk: DiskWatch },
): Promise<FetchedRelease> {
  const { fs, ...fetching } = context
  const { store, head, subscription } = options
  const { current, disk } = at
  // Names of the tree itself: links to unchanged files need no bytes.
  await disk.require({ bytes: 0, names: head.entries, isExact: true })
  const staging = new StagingArea({ directory: store.stagingDirectory, fileSystem: fs })
  await staging.open()
  const sound = current === undefined ? new Set<Digest>() : await soundObjects(context, current)
  const fetched = await fetchRelease({
    ...fetching,
    staging,
    channel: subscription.channel,
    name: nameAtOrigin(subscription),
    head,
    base: current === undefined ? undefined : baseOf(current, sound),
    requireSpace: (need) => disk.require(need),
    requireManifest: (manifest) => {
      requireCapabilities(subscription, manifest)
      requirePathRoom(manifest, path.join(store.directory, 'overlays', 'generations'))
    },
  })
  const name = await store.nameFor(head.release)
  await buildGeneration({
    fs,
    channelDirectory: store.directory,
    name,
    record: {
      format: releaseRecordFormat,
      channel: subscription.channel,
      url: subscription.url,
      release: head.release,
      ...(head.label === undefined ? {} : { label: head.label }),
      manifest: head.sha256,
      completed: new Date(context.clock.now()).toISOString(),
    },
    manifest: fetched.manifest,
    manifestBytes: fetched.manifestBytes,
    staging,
    base: current,
    baseHas: (digest) => sound.has(digest),
    ...(context.signal === undefined ? {} : { signal: context.signal }),
  })
  const built = await store.load(head.release, fetched)
  if (built === undefined) throw new TypeError('a generation vanished')
  await switchOver(options, built)
  return fetched
}

/** The channel's name at its origin, which its manifests carry. */
export function nameAtOrigin({ url, name, firstUse }: Subscription): ChannelName {
  return firstUse === 'unsigned' ? (name as ChannelName) : parseChannelAddress(url).name
}

async function switchOver(options: GenerationsOptions, generation: Generation): Promise<void> {
  const { store, switchTo } = options
  await (switchTo === undefined ? store.switchTo(generation.name) : switchTo(generation))
}

function baseOf(current: Generation, sound: ReadonlySet<Digest>): ReleaseBase {
  return {
    release: current.release,
    manifestBytes: current.manifestBytes,
    manifest: current.manifest,
    source: current.objectSource(),
    has: (digest) => sound.has(digest),
  }
}

/** The switch is what counts: what cannot be tidied now is tidied by the next recovery. */
async function tidy(options: GenerationsOptions): Promise<void> {
  const { store, kept, inUse } = options
  try {
    await store.clearStaging()
    await store.prune({ kept, ...(inUse === undefined ? {} : { inUse }) })
  } catch (error) {
    if (!isErrno(error)) throw error
  }
}

/** The head's generation when it lies here already and every file of it is sound. */
async function soundGeneration(
  context: UpdateContext,
  store: GenerationStore,
  head: ReleaseTarget,
): Promise<Generation | undefined> {
  if (!(await store.releases()).includes(head.release)) return undefined
  let generation: Generation | undefined
  try {
    generation = await store.load(head.release)
  } catch {
    return undefined
  }
  if (generation?.record.manifest !== head.sha256) return undefined
  const damages = await verifyGeneration(context.fs, generation, context)
  return damages.length === 0 ? generation : undefined
}

/** The objects of the current generation that are sound: what stat does not vouch for is hashed. */
async function soundObjects(context: UpdateContext, current: Generation): Promise<Set<Digest>> {
  const sound = new Set<Digest>()
  const unsound = new Set<Digest>()
  await inParallel(
    current.files.entries(),
    generationLimits.concurrentFiles,
    async ([index, file]) => {
      context.signal?.throwIfAborted()
      if (await current.isVouchedFor(index)) sound.add(file.sha256)
      else {
        const digest = await hashFile(context.fs, current.pathOf(file.path)).catch(() => undefined)
        if (digest === file.sha256) sound.add(file.sha256)
        else unsound.add(file.sha256)
      }
    },
  )
  // One damaged copy is enough to distrust the object: the copies may share an inode.
  for (const digest of unsound) sound.delete(digest)
  return sound
}
