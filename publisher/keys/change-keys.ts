import path from 'node:path'
import type { ChannelAddress, Digest } from '../../protocol/index.ts'
import {
  addSignature,
  createTargets,
  generateKeyPair,
  lifetimesMs,
  nextRoot,
  parseRoot,
  publicKeyFromHex,
  signersOf,
  timeText,
  type KeyPair,
  type PublicKey,
  type ReleaseTarget,
  type RootOffices,
  type RootView,
  type TargetsFile,
} from '../../trust/index.ts'
import { publishError } from '../errors.ts'
import {
  channelFolder,
  type ChannelFolder,
  loadManifest,
  type OpenChannel,
  openChannel,
  type PublisherContext,
  withLock,
} from '../sign/index.ts'
import {
  createPublishApi,
  findPublishToken,
  isLocal,
  type PublishApi,
  tokenRefusal,
} from '../upload/index.ts'

/** One change of who may sign what in a channel. */
export type KeyChange =
  /** Adds a key: the given public one, or a new one that is made here. */
  | { readonly kind: 'add'; readonly role: 'root' | 'targets'; readonly publicKey?: string }
  | { readonly kind: 'remove'; readonly role: 'root' | 'targets'; readonly keyId: string }
  /** A new key for one that is here (the only one, or the one that is named). */
  | { readonly kind: 'rotate'; readonly role: 'root' | 'targets'; readonly keyId?: string }
  | { readonly kind: 'threshold'; readonly role: 'root' | 'targets'; readonly threshold: number }
  /** Pins the online key that the transmitter shows now. */
  | { readonly kind: 'online' }
  /** Signs the newest release anew, so that its signature does not expire. */
  | { readonly kind: 'renew' }

export interface KeyChangeOptions {
  readonly address: ChannelAddress
  readonly change: KeyChange
  readonly token?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface KeyChangeResult {
  readonly channelId: Digest
  readonly release: number
  readonly rootVersion: number
  readonly targetsVersion: number
  /** Key that was made here. */
  readonly made: { readonly keyId: Digest; readonly path: string } | undefined
  /** Keys that no longer may sign; their files stay in the ring until they are removed. */
  readonly retired: readonly Digest[]
  readonly warnings: readonly string[]
}

/**
 * Changes the keys of a channel: a new root, signed by recovery keys, and the newest release
 * signed anew under it, in one commit that makes no new release.
 * @throws LW_TRUST_KEYS_MISSING, LW_PUBLISH_SIGNATURES_MISSING, LW_PUBLISH_NO_CHANNEL, LW_TRUST_…
 */
export async function changeKeys(
  context: PublisherContext,
  options: KeyChangeOptions,
): Promise<KeyChangeResult> {
  const { address, change, token, signal } = options
  const { home, fileSystem, environment, transport, pause } = context
  const local = isLocal(address)
  const found = await findPublishToken({ token, environment, home, local, fileSystem })
  const api = createPublishApi({ transport, address, token: found.token, pause, signal })
  const folder = channelFolder(fileSystem, home, address.name, address.url)
  const state = await api.state().catch((error: unknown) => {
    throw tokenRefusal(error, found)
  })
  if (state.channel === null) {
    throw publishError('LW_PUBLISH_NO_CHANNEL', { detail: `It is ${address.url}.` })
  }
  const acceptOnlineKey = change.kind === 'online'
  return withLock(context, path.join(folder.directory, 'lock'), async () => {
    const how = { acceptOnlineKey, dryRun: false, forKeys: true }
    const open = await openChannel({ context, api, state, folder, ...how })
    const next = await applyChange(context, open, change)
    return commitKeys(context, { api, folder, open, next })
  })
}

export interface NextKeys {
  readonly roots: readonly Uint8Array[]
  readonly made: KeyChangeResult['made']
  readonly retired: readonly Digest[]
}

/** What a change of keys starts from. */
export type KeyState = Pick<OpenChannel, 'channelId' | 'root' | 'newRoots'>

/**
 * Makes the roots that a change needs, and the new key itself, without showing them to anybody.
 * @throws LW_PUBLISH_ATTRIBUTE, LW_PUBLISH_SIGNATURES_MISSING, LW_TRUST_KEYS_MISSING
 */
export async function applyChange(
  context: PublisherContext,
  open: KeyState,
  change: KeyChange,
): Promise<NextKeys> {
  if (change.kind === 'renew' || change.kind === 'online') {
    return { roots: open.newRoots, made: undefined, retired: [] }
  }
  const { roles } = open.root.view
  const { role } = change
  const { keys, threshold } = roles[role]
  const retired = retiredKeys(change, roles)
  const fresh = await freshKey(context, open.channelId, change)
  const nextKeys = [
    ...keys.filter((key) => !retired.includes(key.keyId)),
    ...(fresh === undefined ? [] : [fresh.key]),
  ]
  const nextThreshold = change.kind === 'threshold' ? change.threshold : threshold
  if (nextThreshold < 1 || nextThreshold > nextKeys.length) {
    throw publishError('LW_PUBLISH_ATTRIBUTE', {
      detail: `A threshold of ${nextThreshold} with ${nextKeys.length} keys cannot be reached or needs nobody.`,
      untouched: 'Nothing was changed.',
    })
  }
  const changes: Partial<RootOffices> =
    role === 'root'
      ? { recoveryKeys: nextKeys, rootThreshold: nextThreshold }
      : { targetsKeys: nextKeys, targetsThreshold: nextThreshold }
  const root = await signRoot(context, open, changes)
  return { roots: [...open.newRoots, root], made: fresh?.made, retired }
}

function retiredKeys(change: KeyChange, roles: RootView['roles']): readonly Digest[] {
  if (change.kind !== 'remove' && change.kind !== 'rotate') return []
  const { keys } = roles[change.role]
  const wanted = change.keyId ?? (keys.length === 1 ? keys[0]?.keyId : undefined)
  const key = keys.find((item) => wanted !== undefined && item.keyId.startsWith(wanted))
  if (key !== undefined && (wanted?.length ?? 0) >= 8) return [key.keyId]
  throw publishError('LW_PUBLISH_ATTRIBUTE', {
    detail: `Name one of the ${keys.length} keys: ${keys.map((item) => item.keyId.slice(0, 16)).join(', ')}.`,
    untouched: 'Nothing was changed.',
  })
}

interface FreshKey {
  readonly key: PublicKey
  readonly made: KeyChangeResult['made']
}

async function freshKey(
  context: PublisherContext,
  channelId: Digest,
  change: KeyChange,
): Promise<FreshKey | undefined> {
  if (change.kind !== 'add' && change.kind !== 'rotate') return undefined
  if (change.kind === 'add' && change.publicKey !== undefined) {
    return { key: publicKeyFromHex(change.publicKey), made: undefined }
  }
  const pair = generateKeyPair()
  // Kept before anything names it: a key that is lost between would end the channel.
  const stored = await context.keyRing.add({ channelId }, change.role, pair, context.passphrase)
  return { key: pair, made: { keyId: pair.keyId, path: stored.path } }
}

async function signRoot(
  context: PublisherContext,
  open: KeyState,
  changes: Partial<RootOffices>,
): Promise<Uint8Array> {
  const previous = open.newRoots.at(-1) ?? open.root.bytes
  const before = parseRoot(previous).view.roles.root
  const after = {
    keys: changes.recoveryKeys ?? before.keys,
    threshold: changes.rootThreshold ?? before.threshold,
  }
  const pairs = await context.keyRing.load(
    { channelId: open.channelId },
    'root',
    context.passphrase,
  )
  const useful = pairs.filter((pair) =>
    [...before.keys, ...after.keys].some((key) => key.keyId === pair.keyId),
  )
  for (const { keys, threshold } of [before, after]) {
    const count = keys.filter((key) => useful.some((pair) => pair.keyId === key.keyId)).length
    if (count < threshold) {
      throw publishError('LW_PUBLISH_SIGNATURES_MISSING', {
        detail: `${count} of ${threshold} recovery keys are here.`,
        untouched: 'Nothing was changed.',
        next: 'Bring the recovery keys here with "longwave key import" for this one act.',
      })
    }
  }
  return nextRoot(previous, {
    changes,
    expires: timeText(context.clock.now() + lifetimesMs.root),
    signers: useful,
  })
}

async function commitKeys(
  context: PublisherContext,
  input: {
    readonly api: PublishApi
    readonly folder: ChannelFolder
    readonly open: OpenChannel
    readonly next: NextKeys
  },
): Promise<KeyChangeResult> {
  const { api, folder, open, next } = input
  const { head, targets } = open
  if (head === undefined || targets === undefined) {
    throw publishError('LW_PUBLISH_NO_CHANNEL', { detail: 'It has no release yet.' })
  }
  const { bytes } = await loadManifest(api, folder, head)
  const root = next.roots.at(-1) ?? open.root.bytes
  const signed = await signAnew(context, { open, head, targets, root })
  const upload = await api.begin(bytes, undefined)
  const result = await api.commit(upload.upload, {
    replaces: open.replaces,
    roots: next.roots.map((item) => Buffer.from(item).toString()),
    ...(signed === undefined ? {} : { targets: Buffer.from(signed).toString() }),
  })
  const warnings = [...open.warnings, ...result.warnings]
  // Reading it back keeps the new roots and proves that subscribers can follow.
  const state = await api.state()
  const how = { acceptOnlineKey: false, dryRun: false, forKeys: true }
  await openChannel({ context, api, state, folder, ...how })
  return {
    channelId: open.channelId,
    release: head.release,
    rootVersion: parseRoot(root).view.version,
    targetsVersion: targets.view.version + (signed === undefined ? 0 : 1),
    made: next.made,
    retired: next.retired,
    warnings,
  }
}

interface SignAnew {
  readonly open: OpenChannel
  readonly head: ReleaseTarget
  readonly targets: TargetsFile
  readonly root: Uint8Array
}

/**
 * The newest release signed anew under the new root. Undefined when the publisher keys are not
 * here and what is signed already stays valid: the holder of a recovery key needs no more.
 */
async function signAnew(
  context: PublisherContext,
  { open, head, targets, root }: SignAnew,
): Promise<Uint8Array | undefined> {
  const office = parseRoot(root).view.roles.targets
  const all = await loadPublisherKeys(context, open.channelId)
  const signers = all.filter((pair) => office.keys.some((key) => key.keyId === pair.keyId))
  if (signers.length < office.threshold) {
    const isValid = signersOf(targets, office.keys).length >= office.threshold
    if (isValid && root !== open.root.bytes) return undefined
    throw publishError('LW_PUBLISH_SIGNATURES_MISSING', {
      detail: `${signers.length} of ${office.threshold} publisher keys are here to sign the release anew.`,
      untouched: 'Nothing was changed.',
    })
  }
  return createTargets({
    version: targets.view.version + 1,
    channelId: open.channelId,
    manifest: head,
    expires: timeText(context.clock.now() + lifetimesMs.targets),
    signers,
  })
}

async function loadPublisherKeys(
  { keyRing, passphrase }: PublisherContext,
  channelId: Digest,
): Promise<readonly KeyPair[]> {
  const stored = await keyRing.list({ channelId })
  if (!stored.some((key) => key.role === 'targets')) return []
  return keyRing.load({ channelId }, 'targets', passphrase)
}

/** Adds the signatures of these keys to metadata that waits for them. */
export function signWaiting(bytes: Uint8Array, signers: readonly KeyPair[]): Uint8Array {
  return signers.reduce((file, signer) => addSignature(file, signer), bytes)
}
