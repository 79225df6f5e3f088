import {
  type ChannelAddress,
  type Digest,
  type PublishState,
  isLongwaveError,
  limits,
} from '../../protocol/index.ts'
import {
  type KeyPair,
  type ReleaseTarget,
  type RootFile,
  type TargetsFile,
  type TrustOutcome,
  channelIdOf,
  createRoot,
  createTrustClient,
  generateKeyPair,
  lifetimesMs,
  nextRoot,
  openTrustState,
  parseRoot,
  publicKeyFromHex,
  timeText,
} from '../../trust/index.ts'
import { publishError } from '../errors.ts'
import type { PublishApi } from '../upload/index.ts'
import { type ChannelFolder, type ChannelRecord, withRelease } from './channel-folder.ts'
import { type CreatedKeys, createdKeys, makeFirstRoot } from './first-keys.ts'
import type { PublisherContext } from './publisher-context.ts'

/** A channel whose state at the transmitter was verified, or that is about to begin. */
export interface OpenChannel {
  readonly channelId: Digest
  readonly record: ChannelRecord
  /** The newest root, and roots that the next commit must bring along. */
  readonly root: RootFile
  readonly newRoots: readonly Uint8Array[]
  /** The targets version that the next commit replaces: 0 before the first. */
  readonly replaces: number
  /** Verified newest release; undefined before the first. */
  readonly head: ReleaseTarget | undefined
  readonly targets: TargetsFile | undefined
  readonly signers: readonly KeyPair[]
  readonly created: CreatedKeys | undefined
  /** Keys and id are made up for a dry run and kept nowhere. */
  readonly isDraft: boolean
  readonly warnings: readonly string[]
}

export interface OpenOptions {
  readonly context: PublisherContext
  readonly api: PublishApi
  readonly state: PublishState
  readonly folder: ChannelFolder
  /** Signs a new root for the online key that the transmitter shows now. */
  readonly acceptOnlineKey: boolean
  /** Nothing is made for a channel that does not exist yet. */
  readonly dryRun: boolean
  /** A recovery key alone will do: what follows changes keys and signs no release. */
  readonly forKeys?: boolean
}

/**
 * Verifies what the transmitter says of the channel with the publisher's own trust state, or makes
 * the keys of a channel that is new. A transmitter that lies is refused before anything is sent.
 * @throws LW_TRUST_…, LW_PUBLISH_KEYS_MISSING, LW_PUBLISH_ONLINE_KEY, LW_PUBLISH_STATE_DAMAGED
 */
export async function openChannel(options: OpenOptions): Promise<OpenChannel> {
  const { state, folder } = options
  const record = await folder.load()
  if (state.channel !== null) return openExisting(options, record, state.channel as Digest)
  if (record.established) return openAgain(options, record)
  return openFirst(options, record)
}

async function openFirst(options: OpenOptions, record: ChannelRecord): Promise<OpenChannel> {
  const { context, api, state, folder } = options
  refuseOtherId(api.address, undefined)
  if (options.dryRun) return draftChannel(options, record)
  const made = record.roots[0]
  const fits = made !== undefined && namesOnlineKey(parseRoot(made), state.onlineKey)
  const first =
    fits && record.channelId !== undefined
      ? {
          channelId: record.channelId,
          root: made,
          record,
          // The run that made them broke off before it could say so.
          created: await createdKeys(context, record.channelId),
        }
      : await makeFirstRoot(context, {
          name: api.address.name,
          folder,
          record,
          onlineKey: state.onlineKey,
        })
  // A crash may have come between the record and the keys' way to it.
  await context.keyRing.assign(api.address.name, first.channelId)
  const root = parseRoot(first.root)
  return {
    channelId: first.channelId,
    record: first.record,
    root,
    newRoots: [first.root],
    replaces: 0,
    head: undefined,
    targets: undefined,
    signers: await loadSigners(context, first.channelId, root),
    created: first.created,
    isDraft: false,
    warnings: [],
  }
}

function draftChannel({ state }: OpenOptions, record: ChannelRecord): OpenChannel {
  const recovery = generateKeyPair()
  const publisher = generateKeyPair()
  const bytes = createRoot({
    recoveryKeys: [recovery],
    rootThreshold: 1,
    targetsKeys: [publisher],
    targetsThreshold: 1,
    onlineKeys: [publicKeyFromHex(state.onlineKey)],
    nonce: new Uint8Array(32),
    expires: timeText(0),
  })
  return {
    channelId: channelIdOf(bytes),
    record,
    root: parseRoot(bytes),
    newRoots: [bytes],
    replaces: 0,
    head: undefined,
    targets: undefined,
    signers: [publisher],
    created: undefined,
    isDraft: true,
    warnings: ['The first publish makes the keys of the channel.'],
  }
}

/** The transmitter has lost a channel that is known here: it gets the same channel again. */
async function openAgain(options: OpenOptions, record: ChannelRecord): Promise<OpenChannel> {
  const { context, api, folder } = options
  const trust = await folder.loadTrust(record)
  if (trust === undefined || record.channelId === undefined) {
    throw publishError('LW_PUBLISH_STATE_DAMAGED', { detail: `${folder.directory} is incomplete.` })
  }
  refuseOtherId(api.address, trust.channelId)
  const { root, targets } = openTrustState(trust)
  if (record.roots.length < root.view.version) {
    throw publishError('LW_PUBLISH_STATE_DAMAGED', {
      detail: 'The transmitter has lost the channel, and not all of its roots are kept here.',
      next: 'Restore the transmitter from its backup.',
    })
  }
  const online = await followOnlineKey(options, trust.channelId, root)
  const known = root.view.version
  return {
    channelId: trust.channelId,
    record,
    root: online.root,
    newRoots: [...record.roots.slice(0, known), ...online.newRoots],
    replaces: 0,
    head: targets?.view.head,
    targets,
    signers: await loadSigners(context, trust.channelId, online.root),
    created: undefined,
    isDraft: false,
    warnings: [
      'The transmitter had lost this channel; it gets it again under the same id.',
      ...online.warnings,
    ],
  }
}

async function openExisting(
  options: OpenOptions,
  record: ChannelRecord,
  channelId: Digest,
): Promise<OpenChannel> {
  const { context, api, folder } = options
  refuseOtherId(api.address, channelId)
  await requireKeys(options, channelId, record)
  const known = await folder.loadTrust(record)
  const client = createTrustClient({
    state: known,
    channelId,
    firstUse: 'pinned',
    clock: context.clock,
    // Otherwise nobody could ever sign anew what has expired.
    mayRenew: true,
    persist: (state) => folder.saveTrust(state),
    ...(api.address.rootVersion === undefined
      ? {}
      : { minimumRootVersion: api.address.rootVersion }),
  })
  const outcome = await client.refresh({ fetch: (file, bytesMax) => api.trustFile(file, bytesMax) })
  const { root, targets } = openTrustState(outcome.state)
  const next = await remember({ record, channelId, root, outcome, api, folder })
  const online = await followOnlineKey(options, channelId, root)
  return {
    channelId,
    record: next,
    root: online.root,
    newRoots: online.newRoots,
    replaces: targets?.view.version ?? 0,
    head: outcome.head,
    targets,
    signers: await loadSigners(context, channelId, online.root, options.forKeys),
    created: undefined,
    isDraft: false,
    warnings: [...outcome.warnings.map((warning) => warning.says), ...online.warnings],
  }
}

function refuseOtherId(address: ChannelAddress, found: Digest | undefined): void {
  if (address.channelId === undefined || address.channelId === found) return
  throw publishError('LW_PUBLISH_NO_CHANNEL', {
    detail:
      found === undefined
        ? 'The link names a channel id, and the transmitter has no channel of that name.'
        : 'The link names another channel id than the one at the transmitter.',
    untouched: 'Nothing was sent.',
  })
}

/** Without a key of the channel there is nothing to verify a first state by, or to sign with. */
async function requireKeys(
  { context, forKeys }: OpenOptions,
  channelId: Digest,
  record: ChannelRecord,
): Promise<void> {
  if (record.channelId !== undefined && record.channelId !== channelId) {
    // The client refuses the foreign channel with both ids; without a verified state, here.
    if (record.established) return
  }
  const keys = await context.keyRing.list({ channelId })
  if (keys.some(({ role }) => role === 'targets' || (forKeys === true && role === 'root'))) return
  throw keysMissing(channelId)
}

function keysMissing(channelId: Digest): Error {
  return publishError('LW_PUBLISH_KEYS_MISSING', {
    detail: `The channel is ${channelId}.`,
    untouched: 'Nothing was sent.',
    next: 'Bring a publisher key here with "longwave key import", or publish under another name.',
    members: { channel: channelId },
  })
}

async function loadSigners(
  context: PublisherContext,
  channelId: Digest,
  root: RootFile,
  mayBeNone = false,
): Promise<readonly KeyPair[]> {
  let pairs: readonly KeyPair[]
  try {
    pairs = await context.keyRing.load({ channelId }, 'targets', context.passphrase)
  } catch (error) {
    if (!isLongwaveError(error, 'LW_TRUST_KEYS_MISSING')) throw error
    if (mayBeNone) return []
    throw keysMissing(channelId)
  }
  const allowed = new Set(root.view.roles.targets.keys.map((key) => key.keyId))
  const signers = pairs.filter((pair) => allowed.has(pair.keyId))
  if (signers.length === 0 && !mayBeNone) throw keysMissing(channelId)
  return signers
}

interface Remembered {
  readonly record: ChannelRecord
  readonly channelId: Digest
  readonly root: RootFile
  readonly outcome: TrustOutcome
  readonly api: PublishApi
  readonly folder: ChannelFolder
}

/** Notes what was verified, and keeps all roots, so that a lost channel can be given back. */
async function remember(input: Remembered): Promise<ChannelRecord> {
  const { record, root, outcome, api, folder } = input
  const { head } = outcome
  const roots = [...record.roots.slice(0, root.view.version)]
  while (roots.length < root.view.version) {
    const bytes = await api.trustFile(`${roots.length + 1}.root.json`, limits.rootBytesMax)
    if (bytes === undefined) break
    roots.push(bytes)
  }
  if (roots.length === root.view.version) roots[root.view.version - 1] = root.bytes
  const known = {
    release: head.release,
    manifest: head.sha256,
    bytes: head.bytes,
    ...(head.label === undefined ? {} : { label: head.label }),
  }
  const next = withRelease(
    { ...record, channelId: input.channelId, established: true, roots },
    known,
  )
  const isNew =
    !record.established ||
    record.roots.length !== roots.length ||
    !record.releases.some((item) => item.release === head.release)
  if (isNew) await folder.save(next)
  return next
}

function namesOnlineKey(root: RootFile, onlineKey: string): boolean {
  return root.view.roles.timestamp.keys.some((key) => key.hex === onlineKey)
}

/** The online key is pinned by the root; another one is a person's decision. */
async function followOnlineKey(
  options: OpenOptions,
  channelId: Digest,
  root: RootFile,
): Promise<{ root: RootFile; newRoots: readonly Uint8Array[]; warnings: readonly string[] }> {
  const { context, state } = options
  if (namesOnlineKey(root, state.onlineKey)) return { root, newRoots: [], warnings: [] }
  if (!options.acceptOnlineKey) {
    throw publishError('LW_PUBLISH_ONLINE_KEY', {
      detail: `It shows ${state.onlineKey}.`,
      untouched: 'Nothing was sent.',
      members: { shown: state.onlineKey, pinned: root.view.roles.timestamp.keys[0]?.hex },
      next: 'If the transmitter was set up anew, accept its key with "longwave key rotate CHANNEL_URL --online"; that needs the recovery key.',
    })
  }
  const signers = await context.keyRing.load({ channelId }, 'root', context.passphrase)
  const bytes = nextRoot(root.bytes, {
    changes: { onlineKeys: [publicKeyFromHex(state.onlineKey)] },
    expires: timeText(context.clock.now() + lifetimesMs.root),
    signers,
  })
  return {
    root: parseRoot(bytes),
    newRoots: [bytes],
    warnings: [`A new root names the online key ${state.onlineKey}.`],
  }
}
