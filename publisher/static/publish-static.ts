import path from 'node:path'
import {
  type ChannelName,
  type Digest,
  emptyDigest,
  filesOf,
  fingerprint,
  type Manifest,
  parseChannelName,
  parseManifest,
  subscribeLink,
  totalsOf,
} from '../../protocol/index.ts'
import {
  createTargets,
  lifetimesMs,
  type OnlinePair,
  parseRoot,
  parseTargets,
  type ReleaseTarget,
  renewOnline,
  type SignedBundle,
  timeText,
} from '../../trust/index.ts'
import { publishError } from '../errors.ts'
import { applyChange, type KeyChange, type KeyChangeResult } from '../keys/index.ts'
import { publisherLimits } from '../limits.ts'
import {
  type AttributeChanges,
  type ContentChanges,
  nextAttributes,
  planRelease,
  type ReleasePlan,
} from '../plan/index.ts'
import { scan } from '../publish-directory.ts'
import type { PublishProgress } from '../publish-summary.ts'
import { rolloutFromNow } from '../publish-run.ts'
import {
  channelFolder,
  type ChannelFolder,
  type CreatedKeys,
  type PublisherContext,
  withLock,
  withRelease,
} from '../sign/index.ts'
import type { ScanResult } from '../scan/index.ts'
import { makeStaticBundles } from './static-bundles.ts'
import { type StaticSite, staticSite } from './static-site.ts'
import { openStatic, type StaticChannel } from './static-state.ts'
import { writeViews } from './static-views.ts'
import { compressed, writeObjects } from './write-objects.ts'

export interface StaticOptions {
  readonly directory: string
  readonly name: string
  /** The folder that the web server serves; the channel lies in `out/NAME`. */
  readonly out: string
  /** The URL under which `out` will be served, for links. */
  readonly publicUrl?: string | undefined
  readonly label?: string | undefined
  readonly attributes?: AttributeChanges
  readonly ignore?: readonly string[]
  readonly portable?: boolean
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly rereadAll?: boolean
  readonly rolloutSeconds?: number | undefined
  readonly minimum?: number | undefined
  /** How hard bundles are made; `none` leaves them out. */
  readonly bundles?: 'fast' | 'best' | 'none'
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: PublishProgress) => void) | undefined
}

export interface StaticSummary {
  readonly outcome: 'published' | 'nothing-new' | 'refreshed' | 'dry-run'
  /** `out/NAME`. */
  readonly directory: string
  readonly name: ChannelName
  /** Undefined only in a dry run of a channel that does not exist yet. */
  readonly channelId: Digest | undefined
  readonly fingerprint: string | undefined
  /** Only when the public URL is known. */
  readonly link: string | undefined
  readonly release: number
  readonly label: string | undefined
  readonly manifestId: Digest
  readonly manifestBytes: number
  readonly entries: number
  readonly files: number
  readonly bytes: number
  readonly changes: ContentChanges | undefined
  readonly writtenObjects: number
  readonly writtenBytes: number
  readonly bundles: readonly SignedBundle[]
  /** RFC 3339: until then the channel must be refreshed. */
  readonly timestampExpires: string
  readonly keysCreated: CreatedKeys | undefined
  readonly warnings: readonly string[]
  readonly next: readonly string[]
  readonly durationMs: number
}

interface StaticRun {
  readonly context: PublisherContext
  readonly name: ChannelName
  readonly site: StaticSite
  readonly folder: ChannelFolder
  readonly startedMs: number
}

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
    const online = needsRefresh(run, channel) ? await resign(run, channel) : undefined
    return summary(run, { channel, plan, options, outcome, online, warnings: scanned.warnings })
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
  const { warnings } = scanned
  return summary(run, { channel, plan, options, outcome: 'dry-run', warnings })
}

/** Signs snapshot and timestamp anew. @throws LW_PUBLISH_NO_CHANNEL */
export async function refreshStatic(
  context: PublisherContext,
  options: Pick<StaticOptions, 'name' | 'out' | 'signal'>,
): Promise<StaticSummary> {
  const run = startRun(context, options)
  const { site, folder, name } = run
  if ((await site.trustFile('timestamp.json')) === undefined) {
    throw publishError('LW_PUBLISH_NO_CHANNEL', { detail: `It would be in ${site.directory}.` })
  }
  return withLock(context, site.lockFolder, async () => {
    await site.prepare()
    const channel = await openStatic({ context, site, folder, name })
    const online = await resign(run, channel)
    const outcome = 'refreshed'
    return summary(run, { channel, plan: undefined, options, outcome, online, warnings: [] })
  })
}

/**
 * Changes the keys of a static channel: new roots, and the newest release signed anew under them.
 * @throws LW_PUBLISH_NO_CHANNEL, LW_PUBLISH_SIGNATURES_MISSING, LW_TRUST_KEYS_MISSING
 */
export async function changeStaticKeys(
  context: PublisherContext,
  options: Pick<StaticOptions, 'name' | 'out'> & { readonly change: KeyChange },
): Promise<KeyChangeResult> {
  const run = startRun(context, options)
  const { site, folder, name } = run
  return withLock(context, site.lockFolder, async () => {
    await site.prepare()
    const channel = await openStatic({ context, site, folder, name })
    const { files, channelId, root } = channel
    if (files === undefined) {
      throw publishError('LW_PUBLISH_NO_CHANNEL', { detail: `It would be in ${site.directory}.` })
    }
    const next = await applyChange(context, { channelId, root, newRoots: [] }, options.change)
    const roots = [...channel.roots, ...next.roots]
    const newest = parseRoot(roots.at(-1) ?? root.bytes)
    const office = newest.view.roles.targets
    const pairs = await context.keyRing.load({ channelId }, 'targets', context.passphrase)
    const signers = pairs.filter((pair) => office.keys.some((key) => key.keyId === pair.keyId))
    const changed: StaticChannel = { ...channel, roots, root: newest, signers }
    const { head, version } = files.targets.view
    const targets = signHead(run, changed, { version: version + 1, release: head })
    await folder.save({ ...channel.record, roots, established: channel.record.established })
    await writeMetadata(run, changed, targets)
    const rootVersion = newest.view.version
    const { made, retired } = next
    const { release } = head
    const targetsVersion = version + 1
    return { channelId, release, rootVersion, targetsVersion, made, retired, warnings: [] }
  })
}

function startRun(
  context: PublisherContext,
  options: Pick<StaticOptions, 'name' | 'out'>,
): StaticRun {
  const { fileSystem, randomness, home, clock } = context
  const name = parseChannelName(options.name)
  const out = path.resolve(options.out)
  const site = staticSite(fileSystem, randomness, out, name)
  const folder = channelFolder(fileSystem, home, name, `static:${site.directory}`)
  return { context, name, site, folder, startedMs: clock.now() }
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
      options.onProgress?.({ phase: 'upload', sentBytes, missingBytes, missingObjects: 0 })
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
  await folder.save(withRelease({ ...channel.record, established: true }, known))
  return summary(run, {
    channel,
    plan,
    options,
    outcome: 'published',
    online,
    bundles: made.bundles,
    written,
    warnings: [...scanned.warnings, ...made.warnings, ...warnings],
  })
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

function signHead(
  run: StaticRun,
  channel: StaticChannel,
  head: { readonly version: number; readonly release: ReleaseTarget },
): Uint8Array {
  const { threshold } = channel.root.view.roles.targets
  if (channel.signers.length < threshold) {
    throw publishError('LW_PUBLISH_SIGNATURES_MISSING', {
      detail: `${channel.signers.length} of ${threshold} publisher keys are here.`,
      untouched: 'Subscribers see the old release.',
      next: 'Bring the other keys here with "longwave key import".',
    })
  }
  return createTargets({
    version: head.version,
    channelId: channel.channelId,
    manifest: head.release,
    expires: timeText(run.context.clock.now() + lifetimesMs.targets),
    signers: channel.signers,
  })
}

/** Targets, snapshot, roots, and at last the timestamp: the one step that switches. */
async function writeMetadata(
  run: StaticRun,
  channel: StaticChannel,
  targets: Uint8Array,
): Promise<OnlinePair> {
  const { site, context, folder } = run
  const { files, roots } = channel
  const nowMs = context.clock.now()
  const online = renewOnline({
    channelId: channel.channelId,
    targets,
    ...(files === undefined
      ? {}
      : { previous: { snapshot: files.snapshot.bytes, timestamp: files.timestamp.bytes } }),
    nowMs,
    lifetimeMs: lifetimesMs.staticOnline,
    signer: channel.online,
  })
  const { view } = parseTargets(targets)
  await site.writeTrust(`${view.version}.targets.json`, targets)
  await site.writeTrust(`${online.snapshotVersion}.snapshot.json`, online.snapshot)
  // A new root shortly before the timestamp: between the two, subscribers can only wait.
  for (const [index, root] of roots.entries()) {
    const file = `${index + 1}.root.json`
    const there = await site.trustFile(file)
    if (there === undefined || !Buffer.from(there).equals(root)) await site.writeTrust(file, root)
  }
  await site.writeTrust('timestamp.json', online.timestamp)
  await folder.saveTrust({
    channelId: channel.channelId,
    firstUse: 'pinned',
    root: channel.root.bytes,
    timestamp: online.timestamp,
    snapshot: online.snapshot,
    targets,
    highestRelease: view.head.release,
    timeFloorMs: Math.floor(nowMs / 1000) * 1000,
  })
  return online
}

function needsRefresh(run: StaticRun, { files }: StaticChannel): boolean {
  if (files === undefined) return false
  const left = files.timestamp.view.expiresMs - run.context.clock.now()
  return left < lifetimesMs.staticOnline * publisherLimits.staticRefreshShare
}

async function resign(run: StaticRun, channel: StaticChannel): Promise<OnlinePair> {
  if (channel.files === undefined) {
    throw publishError('LW_PUBLISH_NO_CHANNEL', { detail: `It would be in ${run.site.directory}.` })
  }
  const { bytes, view } = channel.files.targets
  const signed = channel.needsSigning
    ? signHead(run, channel, { version: view.version + 1, release: view.head })
    : bytes
  return writeMetadata(run, channel, signed)
}

function publicUrl(run: StaticRun, options: Pick<StaticOptions, 'publicUrl'>): string | undefined {
  return options.publicUrl && `${options.publicUrl.replace(/\/+$/, '')}/${run.name}`
}

interface SummaryInput {
  readonly channel: StaticChannel | undefined
  readonly plan: ReleasePlan | undefined
  readonly options: Pick<StaticOptions, 'publicUrl' | 'out'> & { readonly directory?: string }
  readonly outcome: StaticSummary['outcome']
  readonly online?: OnlinePair | undefined
  readonly bundles?: readonly SignedBundle[]
  readonly written?: { readonly written: number; readonly writtenBytes: number }
  readonly warnings: readonly string[]
}

function summary(run: StaticRun, input: SummaryInput): StaticSummary {
  const { channel, plan, outcome, online } = input
  const head = channel?.files?.targets.view.head
  const fresh = outcome === 'published' || outcome === 'dry-run' ? plan : undefined
  const url = publicUrl(run, input.options)
  const totals = plan === undefined ? head : totalsOf(plan.manifest)
  const expires = online?.expires ?? channel?.files?.timestamp.view.expires ?? ''
  const channelId = channel?.channelId
  const refresh = `longwave publish ${input.options.directory ?? 'DIR'} ${run.name} --out ${input.options.out} --refresh`
  return {
    outcome,
    directory: run.site.directory,
    name: run.name,
    channelId,
    fingerprint: channelId && fingerprint(channelId),
    link: url && channelId && subscribeLink(url, channelId, channel?.root.view.version),
    release: fresh?.manifest.release ?? head?.release ?? 0,
    label: fresh === undefined ? head?.label : fresh.manifest.label,
    manifestId: fresh?.id ?? head?.sha256 ?? ('' as Digest),
    manifestBytes: fresh?.bytes.byteLength ?? head?.bytes ?? 0,
    entries: totals?.entries ?? 0,
    files: plan === undefined ? 0 : filesOf(plan.manifest).length,
    bytes: totals?.totalBytes ?? 0,
    changes: plan?.changes,
    writtenObjects: input.written?.written ?? 0,
    writtenBytes: input.written?.writtenBytes ?? 0,
    bundles: input.bundles ?? head?.bundles ?? [],
    timestampExpires: expires,
    keysCreated: channel?.created,
    warnings: [
      ...input.warnings,
      ...(outcome === 'dry-run'
        ? []
        : [`The timestamp holds until ${expires}; run the refresh before that, at best by cron.`]),
    ],
    next: [
      refresh,
      ...(channelId === undefined
        ? []
        : [`longwave subscribe 'longwave:${url ?? `https://HOST/${run.name}`}#${channelId}'`]),
    ],
    durationMs: run.context.clock.now() - run.startedMs,
  }
}
