import {
  type FetchedRelease,
  type FetchProgress,
  fetchRelease,
  StagingArea,
} from '../../mirroring/index.ts'
import { type Digest, parseChannelAddress } from '../../protocol/index.ts'
import type { FileSystem } from '../../store/durable-files/index.ts'
import type { Transport, TransportClock } from '../../transport/index.ts'
import type { ReleaseTarget } from '../../trust/index.ts'
import {
  buildGeneration,
  type Generation,
  type GenerationStore,
  hashFile,
  releaseRecordFormat,
  verifyGeneration,
} from '../generations/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { type ChangeCount, countChanges } from './changes.ts'
import { requireSpace } from './disk-space.ts'

/** What an update of one subscription needs besides the subscription. */
export interface UpdateContext {
  readonly fs: FileSystem
  readonly transport: Transport
  readonly clock: TransportClock
  /** Channel URLs to fetch content from, best first. */
  readonly sources: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: FetchProgress) => void
}

/** What an update did. */
export interface Applied {
  readonly from: number
  readonly to: number
  readonly changes: ChangeCount
  /** Absent when the release lay here already. */
  readonly fetched: FetchedRelease | undefined
}

/**
 * Brings the tuner's copy of a channel to the verified head as one transaction: fetch into
 * staging, build the generation beside the others, switch one link (C73).
 */
export async function updateGenerations(
  context: UpdateContext,
  options: {
    readonly subscription: Subscription
    readonly store: GenerationStore
    readonly head: ReleaseTarget
    readonly kept: number
    readonly inUse?: ReadonlySet<number>
  },
): Promise<Applied> {
  const { store, head, subscription } = options
  const current = await store.current()
  const from = current?.release ?? 0
  const lying = await soundGeneration(context, store, head)
  if (lying !== undefined) {
    await store.switchTo(head.release)
    const changes = countChanges(current?.manifest, lying.manifest)
    return { from, to: head.release, changes, fetched: undefined }
  }
  const staging = new StagingArea({ directory: store.stagingDirectory, fileSystem: context.fs })
  await staging.open()
  const base = current === undefined ? undefined : await soundBase(context, current)
  const fetched = await fetchRelease({
    ...context,
    staging,
    channel: subscription.channel,
    name: parseChannelAddress(subscription.url).name,
    head,
    base:
      current === undefined || base === undefined
        ? undefined
        : {
            release: current.release,
            manifestBytes: current.manifestBytes,
            manifest: current.manifest,
            source: current.objectSource(),
            has: (digest) => base.has(digest),
          },
    onPlan: (plan) =>
      requireSpace(context.fs, store.directory, {
        bytes: plan.downloadBytes + estimateNewBytes(current, head),
        names: head.entries + 16,
      }),
  })
  await buildGeneration({
    fs: context.fs,
    channelDirectory: store.directory,
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
    baseHas: (digest) => base?.has(digest) === true,
    ...(context.signal === undefined ? {} : { signal: context.signal }),
  })
  await store.switchTo(head.release)
  await staging.remove()
  await store.prune({
    kept: options.kept,
    ...(options.inUse === undefined ? {} : { inUse: options.inUse }),
  })
  const changes = countChanges(current?.manifest, fetched.manifest)
  return { from, to: head.release, changes, fetched }
}

/** Without the manifest only totals are known: at most all of the new release is new. */
function estimateNewBytes(current: Generation | undefined, head: ReleaseTarget): number {
  if (current === undefined) return head.totalBytes
  const held = current.files.reduce((sum, file) => sum + file.size, 0)
  return Math.max(head.largestFileBytes, head.totalBytes - held)
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
  const damages = await verifyGeneration(context.fs, generation)
  return damages.length === 0 ? generation : undefined
}

/** The objects of the current generation that are sound: what stat does not vouch for is hashed. */
async function soundBase(context: UpdateContext, current: Generation): Promise<Set<Digest>> {
  const sound = new Set<Digest>()
  const unsound = new Set<Digest>()
  for (const [index, file] of current.files.entries()) {
    if (await current.isVouchedFor(index)) sound.add(file.sha256)
    else {
      const digest = await hashFile(context.fs, current.pathOf(file.path)).catch(() => undefined)
      if (digest === file.sha256) sound.add(file.sha256)
      else unsound.add(file.sha256)
    }
  }
  // One damaged copy is enough to distrust the object: the copies may share an inode.
  for (const digest of unsound) sound.delete(digest)
  return sound
}
