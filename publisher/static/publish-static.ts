import path from 'node:path'
import {
  emptyDigest,
  filesOf,
  type Manifest,
  parseManifest,
  totalsOf,
} from '../../protocol/index.ts'
import {
  type OnlinePair,
  parseTargets,
  type ReleaseTarget,
  type SignedBundle,
} from '../../trust/index.ts'
import { publisherLimits } from '../limits.ts'
import {
  nextAttributes,
  planRelease,
  planWarnings,
  refuseAttributes,
  type ReleasePlan,
  rolloutFromNow,
} from '../plan/index.ts'
import { scan } from '../publish-directory.ts'
import type { ScanResult } from '../scan/index.ts'
import { type ChannelRecord, type PublisherContext, withLock, withRelease } from '../sign/index.ts'
import { pruneStatic } from './prune-static.ts'
import { makeStaticBundles } from './static-bundles.ts'
import { writeListing } from './static-listing.ts'
import { type StaticOptions, type StaticRun, startRun } from './static-run.ts'
import type { StaticSite } from './static-site.ts'
import { openStatic, type StaticChannel } from './static-state.ts'
import { publicUrl, type StaticSummary, summaryOf } from './static-summary.ts'
import { writeViews } from './static-views.ts'
import { needsRefresh, needsRenewal, resign, signHead, writeMetadata } from './write-metadata.ts'
import { compressed, writeObjects } from './write-objects.ts'

/**
 * Publishes a directory as files that any web server can serve. Objects come first, then metadata,
 * the timestamp last: until it is renamed into place everybody sees the old release, and from then
 * on the new one, whatever is cut off in between.
 * @throws LW_STORE_LOCKED when another run writes to the same channel; the errors of a scan
 */
export async function publishStatic(
  context: PublisherContext,
  options: StaticOptions,
): Promise<StaticSummary> {
  refuseAttributes(options.attributes)
  const run = startRun(context, options)
  if (options.dryRun === true) return dryRun(run, options)
  return withLock(context, run.site.lockFolder, () => publishLocked(run, options))
}

async function publishLocked(run: StaticRun, options: StaticOptions): Promise<StaticSummary> {
  const { site, folder, name, context } = run
  await site.prepare()
  const scanned = await scan(context, { ...options, keepOut: [path.resolve(options.out)] })
  const channel = await openStatic({ context, site, folder, name })
  const previous = await loadHead(run, channel)
  const plan = draft(run, { options, channel, previous, scanned })
  const complete = channel.files !== undefined && (await isComplete(run, channel, previous))
  const nothingNew = plan.nothingNew && options.force !== true && options.minimum === undefined
  if (nothingNew && complete && !channel.needsSigning) {
    const outcome = 'nothing-new'
    const isDue = needsRefresh(run, channel) || needsRenewal(run, channel)
    const online = isDue ? await resign(run, channel) : undefined
    const warnings = [...scanned.warnings, ...planWarnings(plan.manifest)]
    return summaryOf(run, { channel, plan, options, outcome, online, warnings })
  }
  return publish(run, { options, channel, plan, scanned })
}

/** The same figures without writing anything, not even keys. */
async function dryRun(run: StaticRun, options: StaticOptions): Promise<StaticSummary> {
  const { site, folder, name, context } = run
  const scanned = await scan(context, { ...options, keepOut: [path.resolve(options.out)] })
  const record = await folder.load()
  const exists =
    record.channelId !== undefined || (await site.trustFile('1.root.json')) !== undefined
  const channel = exists ? await openStatic({ context, site, folder, name }) : undefined
  const previous = channel && (await loadHead(run, channel))
  const plan = draft(run, { options, channel, previous, scanned })
  const warnings = [...scanned.warnings, ...planWarnings(plan.manifest)]
  return summaryOf(run, { channel, plan, options, outcome: 'dry-run', warnings })
}

async function loadHead(run: StaticRun, channel: StaticChannel): Promise<Manifest | undefined> {
  const head = channel.files?.targets.view.head
  if (head === undefined) return undefined
  const bytes =
    (await run.folder.loadManifest('head', head.sha256)) ?? (await run.site.readObject(head.sha256))
  return bytes === undefined ? undefined : parseManifest(bytes)
}

/** Whether everything that the head needs lies in the folder. */
async function isComplete(
  { site }: StaticRun,
  channel: StaticChannel,
  head: Manifest | undefined,
): Promise<boolean> {
  const { files, roots } = channel
  if (files === undefined || head === undefined) return false
  const { targets, snapshot, timestamp } = files
  const wanted: readonly (readonly [string, Uint8Array])[] = [
    ...roots.map((root, index) => [`${index + 1}.root.json`, root] as const),
    [`${targets.view.version}.targets.json`, targets.bytes],
    [`${snapshot.view.version}.snapshot.json`, snapshot.bytes],
    ['timestamp.json', timestamp.bytes],
  ]
  for (const [file, bytes] of wanted) {
    const there = await site.trustFile(file)
    if (there === undefined || !Buffer.from(there).equals(bytes)) return false
  }
  if ((await site.objectSize(files.targets.view.head.sha256)) === undefined) return false
  for (const { sha256, size } of filesOf(head)) {
    if ((await site.objectSize(sha256)) !== size) return false
  }
  return true
}

interface DraftInput {
  readonly options: StaticOptions
  readonly channel: StaticChannel | undefined
  readonly previous: Manifest | undefined
  readonly scanned: ScanResult
}

function draft(run: StaticRun, { options, channel, previous, scanned }: DraftInput): ReleasePlan {
  return planRelease({
    channelId: channel?.channelId ?? emptyDigest,
    name: run.name,
    previous,
    entries: scanned.entries,
    attributes: nextAttributes(previous, options.attributes ?? {}, undefined),
    label: options.label,
    release: (channel?.files?.targets.view.head.release ?? 0) + 1,
    nowMs: run.context.clock.now(),
  })
}

interface PublishInput {
  readonly options: StaticOptions
  readonly channel: StaticChannel
  readonly plan: ReleasePlan
  readonly scanned: ScanResult
}

async function publish(run: StaticRun, input: PublishInput): Promise<StaticSummary> {
  const { options, channel, plan, scanned } = input
  const { site, folder } = run
  const { manifest } = plan
  const files = filesOf(manifest)
  const missingBytes = plan.changes.newObjectBytes
  let sentBytes = 0
  const written = await writeObjects({
    site,
    source: scanned.source,
    files,
    signal: options.signal,
    onWritten: (bytes) => {
      sentBytes += bytes
      options.onProgress?.({
        phase: 'upload',
        sentBytes,
        doneBytes: Math.min(sentBytes, missingBytes),
        totalBytes: missingBytes,
        missingBytes,
        missingObjects: 0,
      })
    },
  })
  await writeManifest(site, plan)
  const made = await bundlesOf(run, input)
  options.onProgress?.({ phase: 'commit' })
  const targets = signTargets(run, input, made.bundles)
  const warnings = await writeViews(site, {
    manifest,
    channelId: channel.channelId,
    rootVersion: channel.root.view.version,
    url: publicUrl(run, options),
  })
  const online = await writeMetadata(run, channel, targets)
  await folder.saveManifest('head', plan.bytes)
  const known = {
    release: manifest.release,
    manifest: plan.id,
    bytes: plan.bytes.byteLength,
    ...(manifest.label === undefined ? {} : { label: manifest.label }),
  }
  const record = withRelease({ ...channel.record, established: true }, known)
  await folder.save(record)
  const tidied = await tidy(run, { options, channel, plan, record, targets, online })
  return summaryOf(run, {
    channel,
    plan,
    options,
    outcome: 'published',
    online,
    bundles: made.bundles,
    written,
    pruned: tidied.pruned,
    warnings: [
      ...scanned.warnings,
      ...planWarnings(manifest),
      ...made.warnings,
      ...warnings,
      ...tidied.warnings,
    ],
  })
}

interface TidyInput extends Omit<PublishInput, 'scanned'> {
  readonly record: ChannelRecord
  readonly targets: Uint8Array
  readonly online: OnlinePair
}

/** The release is out: what fails here is said, and done by the next publish. */
async function tidy(run: StaticRun, input: TidyInput) {
  const { options, channel, plan, record, targets, online } = input
  const { channelId } = channel
  const rootVersion = channel.root.view.version
  const url = publicUrl(run, options)
  try {
    await writeListing(run, { manifest: plan.manifest, channelId, rootVersion, url })
    const pruned = await pruneStatic(run, {
      releases: record.releases,
      keep: options.keep ?? publisherLimits.staticReleasesKept,
      metadata: {
        targets: parseTargets(targets).view.version,
        snapshot: online.snapshotVersion,
      },
    })
    return { pruned, warnings: [] }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { pruned: undefined, warnings: [`What is no longer needed was not removed: ${why}`] }
  }
}

async function writeManifest(site: StaticSite, plan: ReleasePlan): Promise<void> {
  if ((await site.objectSize(plan.id)) === plan.bytes.byteLength) return
  const form = { size: plan.bytes.byteLength, mime: 'application/json' }
  const packed = await compressed(form, plan.bytes)
  if (packed !== undefined) await site.writeObject(`${plan.id}.br`, packed)
  await site.writeObject(plan.id, plan.bytes)
  await site.syncObjects()
}

async function bundlesOf(run: StaticRun, { options, channel, plan }: PublishInput) {
  if (options.bundles === 'none') return { bundles: [], warnings: [] }
  const { fileSystem, randomness } = run.context
  return makeStaticBundles({
    fs: fileSystem,
    randomness,
    site: run.site,
    releases: channel.record.releases,
    next: { release: plan.manifest.release, bytes: plan.bytes },
    effort: options.bundles ?? 'best',
    signal: options.signal,
  })
}

function signTargets(
  run: StaticRun,
  { options, channel, plan }: PublishInput,
  bundles: readonly SignedBundle[],
): Uint8Array {
  const { manifest } = plan
  const { rolloutSeconds, minimum } = options
  const nowMs = run.context.clock.now()
  const before = channel.files?.targets.view
  const kept = minimum ?? before?.head.minimum
  const release: ReleaseTarget = {
    sha256: plan.id,
    bytes: plan.bytes.byteLength,
    release: manifest.release,
    ...(manifest.label === undefined ? {} : { label: manifest.label }),
    ...totalsOf(manifest),
    ...(kept === undefined ? {} : { minimum: kept }),
    ...(rolloutSeconds === undefined ? {} : { rollout: rolloutFromNow(nowMs, rolloutSeconds) }),
    // An empty list also says something: there is nobody to ask for others.
    bundles,
  }
  return signHead(run, channel, { version: (before?.version ?? 0) + 1, release })
}
