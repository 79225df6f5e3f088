import path from 'node:path'
import { type Effort, makeBundle, type ObjectSource } from '../../delta/index.ts'
import { type ChannelName, type Digest, emptyManifest } from '../../protocol/index.ts'
import {
  ensureDirectory,
  nodeRandomness,
  removeIfPresent,
  temporaryName,
} from '../../store/durable-files/index.ts'
import type { BundleKey } from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'

/** The folder of bundles under way, below the transmitter's. */
export const makingFolder = 'making'

/** The number by which records compare how much work went into a bundle. */
export const effortRank: Readonly<Record<Effort, number>> = { fast: 1, best: 2 }

export interface BundleTask {
  readonly key: BundleKey
  readonly effort: Effort
}

export type MakingOutcome = 'ready' | 'useless' | 'elsewhere'

/**
 * Makes one bundle, unless another process does, and offers it when it is smaller than what it
 * replaces.
 * @throws LW_DELTA_MAKE, LW_DELTA_CANCELLED, LW_STORE_…; the making is given up then
 */
export async function makeAndOffer(
  context: TransmitterContext,
  task: BundleTask,
  how: {
    readonly channelId: Digest
    /** Bytes that the bundle must stay below. */
    readonly bytesMax: number
    readonly signal: AbortSignal
  },
): Promise<MakingOutcome> {
  const { records } = context
  const { key, effort } = task
  const nowMs = context.clock.now()
  const began = await records.bundles.begin(key, {
    effort: effortRank[effort],
    atMs: nowMs,
    staleBeforeMs: nowMs - limits.bundleMakingStaleMs,
  })
  if (!began) return 'elsewhere'
  try {
    return await make(context, task, how)
  } catch (error) {
    await giveUp(context, key, how.signal.aborted)
    throw error
  }
}

async function make(
  context: TransmitterContext,
  { key, effort }: BundleTask,
  how: {
    readonly channelId: Digest
    readonly bytesMax: number
    readonly signal: AbortSignal
  },
): Promise<MakingOutcome> {
  const { records, objects, clock } = context
  const folder = path.join(context.directory, makingFolder)
  await ensureDirectory(context.fs, folder, { mode: 0o700 })
  const outputPath = path.join(folder, temporaryName(nodeRandomness))
  try {
    const made = await makeBundle({
      oldManifest: await manifestBytes(context, key.channel, key.fromRelease, how.channelId),
      newManifest: await manifestBytes(context, key.channel, key.toRelease, how.channelId),
      source: objectsOf(context),
      outputPath,
      effort,
      budget: { memoryBytesMax: limits.bundleBytesMax },
      signal: how.signal,
    })
    const present = await records.bundles.find(key)
    if (made.bytes >= Math.min(how.bytesMax, present?.object?.size ?? how.bytesMax)) {
      await records.bundles.failed(key, clock.now())
      return 'useless'
    }
    const object = { digest: made.sha256, size: made.bytes }
    await records.bundles.announce(key, object)
    await objects.receive({ ...object, source: { fromPath: outputPath } })
    await records.bundles.ready(key, { effort: effortRank[effort], atMs: clock.now() })
    return 'ready'
  } finally {
    await removeIfPresent(context.fs, outputPath)
  }
}

/** A stop is no failure: the next who asks begins anew. One that was ready before stays. */
async function giveUp(
  context: TransmitterContext,
  key: BundleKey,
  isStopping: boolean,
): Promise<void> {
  const { bundles } = context.records
  const atMs = context.clock.now()
  const present = await bundles.find(key)
  if (isStopping && present?.state === 'making') await bundles.delete(key, atMs)
  else await bundles.failed(key, atMs)
}

async function manifestBytes(
  ...[context, name, release, channelId]: [TransmitterContext, ChannelName, number, Digest]
): Promise<Uint8Array> {
  if (release === 0) return emptyManifest(channelId, name)
  const record = await context.records.releases.find(name, release)
  if (record === undefined) throw transmitterError('LW_TRANSMIT_NO_RELEASE')
  return context.manifests.bytes(record.manifestDigest)
}

function objectsOf(context: TransmitterContext): ObjectSource {
  return {
    open: async (digest) => {
      const object = await context.objects.open(digest)
      if (object === undefined) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
      return object
    },
  }
}
