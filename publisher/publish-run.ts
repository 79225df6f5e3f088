import path from 'node:path'
import {
  type CommitRequest,
  type CommitResult,
  filesOf,
  isLongwaveError,
  type LongwaveError,
  type Manifest,
  manifestId,
  totalsOf,
} from '../protocol/index.ts'
import { ensureDirectory } from '../store/durable-files/index.ts'
import { publishError } from './errors.ts'
import { publisherLimits } from './limits.ts'
import { type ReleasePlan, sameButTime } from './plan/index.ts'
import type { Committed, Draft, Run, RunOptions } from './publish-act.ts'
import type { PublishSummary } from './publish-summary.ts'
import type { ScannedSource } from './scan/index.ts'
import { settle } from './settle-release.ts'
import {
  channelFolder,
  type ChannelFolder,
  loadManifest,
  type OpenChannel,
  openChannel,
  type PublisherContext,
  signRelease,
  withLock,
} from './sign/index.ts'
import { summaryOf, summaryWithout } from './summarise-act.ts'
import { askTunerRoutes } from './tuner-routes.ts'
import {
  createPublishApi,
  findPublishToken,
  isLocal,
  type PublishApi,
  tokenRefusal,
  type Uploaded,
  uploadRelease,
} from './upload/index.ts'

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
  const { transport, pause } = context
  const { signal } = options
  const api = createPublishApi({ transport, address, token: found.token, pause, signal })
  const folder = channelFolder(fileSystem, home, address.name, address.url)
  const startedMs = context.clock.now()
  const run: Run = { context, options, api, folder, startedMs, warnings: [] }
  try {
    if (options.mustExist === true) await requireChannel(api)
    await ensureDirectory(fileSystem, folder.directory, { mode: 0o700 })
    return await withLock(context, path.join(folder.directory, 'lock'), () => publishLocked(run))
  } catch (error) {
    throw tokenRefusal(error, found)
  }
}

/** @throws LW_PUBLISH_NO_CHANNEL */
async function requireChannel(api: PublishApi): Promise<void> {
  if ((await api.state()).channel !== null) return
  throw publishError('LW_PUBLISH_NO_CHANNEL', {
    detail: `It is ${api.address.url}.`,
    untouched: 'Nothing was changed.',
    next: `longwave channels ${api.address.base}`,
  })
}

async function publishLocked(run: Run): Promise<PublishSummary> {
  const { options } = run
  await run.folder.tidy()
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
  const routes = open.head && (await askTunerRoutes(api, open.head.release, result.release))
  const committed: Committed = { state, open, plan, draft, uploaded, result, routes }
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
