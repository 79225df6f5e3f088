import path from 'node:path'
import {
  type ChannelAddress,
  type CommitRequest,
  type CommitResult,
  type Digest,
  type LongwaveError,
  type PublishState,
  encodeManifest,
  filesOf,
  fingerprint,
  isLongwaveError,
  type Manifest,
  manifestId,
  subscribeLink,
  totalsOf,
} from '../protocol/index.ts'
import { ensureDirectory } from '../store/durable-files/index.ts'
import { type ReleaseTarget, timeText } from '../trust/index.ts'
import { publishError } from './errors.ts'
import { publisherLimits } from './limits.ts'
import { type ReleasePlan, sameButTime } from './plan/index.ts'
import type { PublishProgress, PublishSummary } from './publish-summary.ts'
import type { ScannedSource } from './scan/index.ts'
import {
  type ChannelFolder,
  channelFolder,
  dropWaiting,
  type LoadedManifest,
  loadManifest,
  type OpenChannel,
  openChannel,
  type PublisherContext,
  signRelease,
  withLock,
  withRelease,
} from './sign/index.ts'
import {
  createPublishApi,
  findPublishToken,
  isLocal,
  type PublishApi,
  type Uploaded,
  uploadRelease,
} from './upload/index.ts'

/** What every act on a channel takes. */
export interface ActOptions {
  readonly address: ChannelAddress
  readonly token?: string | undefined
  /** How long the switch waits for listed repeaters. */
  readonly waitSeconds?: number | undefined
  /** Signs a new root for the online key that the transmitter shows now. */
  readonly acceptOnlineKey?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: PublishProgress) => void) | undefined
}

/** What is known when a release is drafted. */
export interface DraftBase {
  readonly api: PublishApi
  readonly state: PublishState
  readonly open: OpenChannel
  readonly previous: LoadedManifest | undefined
}

/** A release that somebody wants on top of a certain head. */
export interface Draft {
  readonly plan: ReleasePlan
  /** Where objects are read that the transmitter lacks; none when it must have all of them. */
  readonly source: ScannedSource | undefined
  /** Members of the signed target beyond those that follow from the manifest. */
  readonly target: Partial<Pick<ReleaseTarget, 'minimum' | 'rollout' | 'ended'>>
  readonly commit: Pick<CommitRequest, 'cms' | 'plugin'>
  readonly warnings: readonly string[]
  /** Not sent: there is nothing new, or this is a dry run. */
  readonly stop: 'nothing-new' | 'dry-run' | undefined
}

export interface RunOptions extends ActOptions {
  /** Drafts the release; called again on top of the winner's when a race was lost. */
  readonly draft: (base: DraftBase) => Promise<Draft>
  /** A run that changes nothing, not even the publisher's own folder. */
  readonly dryRun?: boolean
}

interface Run {
  readonly context: PublisherContext
  readonly options: RunOptions
  readonly api: PublishApi
  readonly folder: ChannelFolder
  readonly startedMs: number
  readonly warnings: string[]
}

/**
 * One act of a publisher: verify, draft, upload, sign, commit. Releases form one line: of two that
 * build on the same head the transmitter takes one, and the other is run once more on top of it.
 */
export async function runPublish(
  context: PublisherContext,
  options: RunOptions,
): Promise<PublishSummary> {
  const { address } = options
  const { home, fileSystem, environment } = context
  const local = isLocal(address)
  const { token } = options
  const found = await findPublishToken({ token, environment, home, local, fileSystem })
  const { transport } = context
  const api = createPublishApi({ transport, address, token: found, signal: options.signal })
  const folder = channelFolder(fileSystem, home, address.name, address.url)
  const startedMs = context.clock.now()
  const run: Run = { context, options, api, folder, startedMs, warnings: [] }
  await ensureDirectory(fileSystem, folder.directory, { mode: 0o700 })
  return withLock(context, path.join(folder.directory, 'lock'), () => publishLocked(run))
}

async function publishLocked(run: Run): Promise<PublishSummary> {
  const { options } = run
  let continues: string | undefined
  for (let conflicts = 0; ; conflicts++) {
    const attempt = await attemptPublish(run, continues)
    if (attempt.kind === 'done') return attempt.summary
    continues = attempt.upload
    const { winner, release } = attempt
    options.onProgress?.({ phase: 'conflict', release, winner })
    if (conflicts >= publisherLimits.conflictRetriesMax) throw conflictError(attempt)
    run.warnings.push(`${winner} published release ${release} first; this one comes on top of it.`)
  }
}

interface Conflict {
  readonly kind: 'conflict'
  readonly upload: string
  readonly release: number
  readonly winner: string
  readonly error: LongwaveError
}

function conflictError(conflict: Conflict): Error {
  return publishError('LW_PUBLISH_CONFLICT', {
    detail: `${conflict.winner} published release ${conflict.release}.`,
    cause: conflict.error,
    untouched: 'Nothing of yours was lost: what was uploaded waits for the next attempt.',
    next: 'Look at the new release, then publish again.',
    members: { release: conflict.release, winner: conflict.winner },
  })
}

type Attempt = { readonly kind: 'done'; readonly summary: PublishSummary } | Conflict

async function attemptPublish(run: Run, continues: string | undefined): Promise<Attempt> {
  const { api, folder, options, context } = run
  const state = await api.state()
  if (state.state === 'ended') {
    throw publishError('LW_PUBLISH_ENDED', { detail: `It is ${api.address.url}.` })
  }
  const open = await openChannel({
    context,
    api,
    state,
    folder,
    acceptOnlineKey: options.acceptOnlineKey ?? false,
    dryRun: options.dryRun ?? false,
  })
  const previous = open.head && (await loadManifest(api, folder, open.head))
  const draft = await options.draft({ api, state, open, previous })
  if (draft.stop !== undefined) {
    return { kind: 'done', summary: summaryWithout(run, { open, draft, state }) }
  }
  const plan = await resumed(folder, open, draft.plan)
  const uploaded = await upload(run, { open, plan, draft, continues })
  options.onProgress?.({ phase: 'commit' })
  const request = await commitRequest(run, { open, plan, draft })
  let result: CommitResult
  try {
    result = await api.commit(uploaded.upload, request)
  } catch (error) {
    const conflict = await conflictOf(run, open, uploaded, error)
    if (conflict === undefined) throw error
    return conflict
  }
  const committed: Committed = { state, open, plan, draft, uploaded, result }
  await settle(run, committed)
  return { kind: 'done', summary: summaryOf(run, committed) }
}

/** The same release was begun before: the same bytes go on with the same upload. */
async function resumed(
  folder: ChannelFolder,
  open: OpenChannel,
  plan: ReleasePlan,
): Promise<ReleasePlan> {
  const { pending } = open.record
  const bytes = pending && (await folder.loadManifest('pending', pending.manifest))
  if (bytes === undefined) {
    await folder.saveManifest('pending', plan.bytes)
    return plan
  }
  const manifest = JSON.parse(Buffer.from(bytes).toString()) as Manifest
  if (!sameButTime(manifest, plan.manifest)) {
    await folder.saveManifest('pending', plan.bytes)
    return plan
  }
  return { ...plan, manifest, bytes, id: manifestId(bytes) }
}

interface UploadInput {
  readonly open: OpenChannel
  readonly plan: ReleasePlan
  readonly draft: Draft
  readonly continues: string | undefined
}

async function upload(run: Run, { open, plan, draft, continues }: UploadInput): Promise<Uploaded> {
  const { api, folder, options, context } = run
  const { pending } = open.record
  const earlier = pending?.manifest === plan.id ? undefined : pending?.upload
  return uploadRelease({
    api,
    source: draft.source ?? nothingToRead(plan),
    files: filesOf(plan.manifest),
    manifest: plan.bytes,
    manifestId: plan.id,
    continues: continues ?? earlier,
    boundary: () => `longwave-${Buffer.from(context.randomness.bytes(16)).toString('hex')}`,
    onBegun: (begun) =>
      folder.save({ ...open.record, pending: { upload: begun.upload, manifest: plan.id } }),
    onProgress: (progress) => options.onProgress?.({ phase: 'upload', ...progress }),
    pause: context.pause,
    signal: options.signal,
  })
}

/** A release made of older ones: what the transmitter no longer has cannot be sent from here. */
function nothingToRead(plan: ReleasePlan): ScannedSource {
  const gone = () =>
    publishError('LW_PUBLISH_NO_RELEASE', {
      detail: `The transmitter no longer holds all objects of what was to become release ${plan.manifest.release}.`,
      untouched: 'Nothing was changed.',
      next: 'Publish a directory with these contents.',
    })
  return {
    has: () => false,
    pathOf: () => {
      throw gone()
    },
    open: () => {
      throw gone()
    },
    readWhole: async () => {
      throw gone()
    },
    // biome-ignore lint/correctness/useYield: it only ever throws
    async *stream() {
      throw gone()
    },
  }
}

async function commitRequest(
  run: Run,
  { open, plan, draft }: Omit<UploadInput, 'continues'>,
): Promise<CommitRequest> {
  const { context, folder, options } = run
  const { manifest } = plan
  const targets = await signRelease({
    context,
    directory: folder.directory,
    channelId: open.channelId,
    root: open.root,
    version: (open.targets?.view.version ?? 0) + 1,
    release: {
      sha256: plan.id,
      bytes: plan.bytes.byteLength,
      release: manifest.release,
      ...(manifest.label === undefined ? {} : { label: manifest.label }),
      ...totalsOf(manifest),
      ...(open.head?.minimum === undefined ? {} : { minimum: open.head.minimum }),
      ...draft.target,
    },
    signers: open.signers,
  })
  const { waitSeconds } = options
  return {
    replaces: open.replaces,
    roots: open.newRoots.map((root) => Buffer.from(root).toString()),
    targets: Buffer.from(targets).toString(),
    ...draft.commit,
    ...(waitSeconds === undefined ? {} : { waitSeconds }),
  }
}

/** Whether a refused commit is a lost race, and who won it. */
async function conflictOf(
  run: Run,
  open: OpenChannel,
  uploaded: Uploaded,
  error: unknown,
): Promise<Conflict | undefined> {
  if (!isLongwaveError(error)) return undefined
  if (error.status !== 409 && error.members['httpStatus'] !== 409) return undefined
  const { api, folder, context } = run
  const state = await api.state()
  if (state.targetsVersion === open.replaces) return undefined
  // What the winner signed is verified before anybody is named.
  const now = await openChannel({
    context,
    api,
    state,
    folder,
    acceptOnlineKey: false,
    dryRun: false,
  })
  const keyId = [...(now.targets?.signatures.keys() ?? [])][0]
  const own = open.signers.some((signer) => signer.keyId === keyId)
  const winner =
    keyId === undefined
      ? 'Another publisher'
      : `${own ? 'Another run with this publisher key' : 'The publisher key'} ${keyId.slice(0, 16)}`
  const { upload } = uploaded
  return { kind: 'conflict', upload, release: now.head?.release ?? state.release, winner, error }
}

interface Committed {
  readonly state: PublishState
  readonly open: OpenChannel
  readonly plan: ReleasePlan
  readonly draft: Draft
  readonly uploaded: Uploaded
  readonly result: CommitResult
}

/** Notes the new release and looks whether the transmitter shows it to subscribers. */
async function settle(run: Run, committed: Committed): Promise<void> {
  const { folder, api, context, options } = run
  const { open, plan, result } = committed
  const { manifest } = plan
  if (result.manifest !== plan.id || result.release !== manifest.release) {
    throw publishError('LW_PUBLISH_WRONG_ANSWER', {
      detail: `It says that it took release ${result.release} as ${result.manifest}.`,
    })
  }
  await folder.saveManifest('head', plan.bytes)
  const release = {
    release: manifest.release,
    manifest: plan.id,
    bytes: plan.bytes.byteLength,
    ...(manifest.label === undefined ? {} : { label: manifest.label }),
  }
  const known = open.record.roots.slice(0, open.root.view.version - open.newRoots.length)
  const roots = open.replaces === 0 ? open.newRoots : [...known, ...open.newRoots]
  const record = withRelease({ ...open.record, pending: undefined, roots }, release)
  await folder.save(record)
  await folder.dropPending()
  await dropWaiting(context, folder.directory)
  try {
    const state = { ...committed.state, channel: open.channelId }
    await openChannel({ context, api, state, folder, acceptOnlineKey: false, dryRun: false })
  } catch (error) {
    if (!isLongwaveError(error) || options.signal?.aborted === true) throw error
    run.warnings.push(`The release is committed, and reading it back failed: ${error.message}`)
  }
}

function commonOf(run: Run, open: OpenChannel, plan: ReleasePlan) {
  const { manifest } = plan
  const { url, name } = run.api.address
  const files = filesOf(manifest)
  const channelId = open.isDraft ? undefined : open.channelId
  return {
    url,
    name,
    channelId,
    fingerprint: channelId && fingerprint(channelId),
    link:
      channelId === undefined
        ? `longwave:${url}`
        : subscribeLink(url, channelId, open.root.view.version),
    release: manifest.release,
    label: manifest.label,
    manifestId: plan.id,
    manifestBytes: plan.bytes.byteLength,
    entries: manifest.entries.length,
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.size, 0),
    changes: plan.changes,
    durationMs: run.context.clock.now() - run.startedMs,
  }
}

function summaryOf(run: Run, committed: Committed): PublishSummary {
  const { open, plan, draft, uploaded, result, state } = committed
  const { totals } = uploaded
  const common = commonOf(run, open, plan)
  return {
    ...common,
    outcome: 'published',
    reusedObjects: uploaded.reusedObjects,
    reusedBytes: uploaded.reusedBytes,
    sentObjects: totals.objects,
    sentBytes: totals.sentBytes,
    deltas: totals.deltas,
    deltaObjectBytes: totals.deltaObjectBytes,
    keysCreated: open.created,
    onlineKey: open.replaces === 0 ? state.onlineKey : undefined,
    repeaters: result.repeaters,
    warnings: [...draft.warnings, ...open.warnings, ...run.warnings, ...result.warnings],
    next: nextCommands(common.url, common.link, open),
  }
}

function nextCommands(url: string, link: string, open: OpenChannel): string[] {
  const before = open.head?.release
  return [
    `longwave subscribe '${link}'`,
    ...(before === undefined ? [] : [`longwave revert ${url} ${before}`]),
    ...(open.created === undefined
      ? []
      : [`longwave key export ${url} --role root  # keep the recovery key off-line`]),
  ]
}

interface Unsent {
  readonly open: OpenChannel
  readonly draft: Draft
  readonly state: PublishState
}

/** The same figures without having sent anything: from the last release and the scan. */
function summaryWithout(run: Run, { open, draft, state }: Unsent): PublishSummary {
  const { plan } = draft
  const common = commonOf(run, open, plan)
  const nothingNew = draft.stop === 'nothing-new'
  const objects = new Map(filesOf(plan.manifest).map((file) => [file.sha256 as Digest, file.size]))
  const bytes = [...objects.values()].reduce((sum, size) => sum + size, 0)
  const { newObjects, newObjectBytes } = plan.changes
  return {
    ...common,
    ...(nothingNew && open.head !== undefined
      ? {
          release: open.head.release,
          label: open.head.label,
          manifestId: open.head.sha256,
          manifestBytes: open.head.bytes,
        }
      : {}),
    outcome: draft.stop === 'dry-run' ? 'dry-run' : 'nothing-new',
    reusedObjects: objects.size - newObjects,
    reusedBytes: bytes - newObjectBytes,
    sentObjects: nothingNew ? 0 : newObjects,
    sentBytes: nothingNew ? 0 : newObjectBytes,
    deltas: 0,
    deltaObjectBytes: 0,
    keysCreated: undefined,
    onlineKey: open.replaces === 0 ? state.onlineKey : undefined,
    repeaters: [],
    warnings: [...draft.warnings, ...open.warnings, ...run.warnings],
    next: nothingNew ? ['longwave publish … --force  # a release all the same'] : [],
  }
}

/** The time of a rollout that begins now. */
export function rolloutFromNow(
  nowMs: number,
  overSeconds: number,
): { readonly from: string; readonly over: number } {
  return { from: timeText(nowMs), over: overSeconds }
}

/** The exact bytes of a manifest that is not drafted from a scan. */
export function planOf(manifest: Manifest, changes: ReleasePlan['changes']): ReleasePlan {
  const bytes = encodeManifest(manifest)
  const id = manifestId(bytes)
  return { manifest, bytes, id, changes, attributesChanged: false, nothingNew: false }
}
