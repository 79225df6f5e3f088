import type { ChannelName, Digest } from '../../protocol/index.ts'
import {
  type KeyPair,
  type KeyRole,
  channelIdOf,
  createRoot,
  generateKeyPair,
  lifetimesMs,
  publicKeyFromHex,
  timeText,
} from '../../trust/index.ts'
import type { ChannelFolder, ChannelRecord } from './channel-folder.ts'
import type { PublisherContext } from './publisher-context.ts'

/** Keys that were made, and where they lie. */
export interface CreatedKeys {
  readonly recovery: { readonly keyId: Digest; readonly path: string }
  readonly publisher: { readonly keyId: Digest; readonly path: string }
}

export interface FirstRoot {
  readonly channelId: Digest
  readonly root: Uint8Array
  readonly record: ChannelRecord
  readonly created: CreatedKeys | undefined
}

const nonceBytes = 32

/**
 * Makes the keys and the first root of a channel, durably, before anything is sent: after a crash
 * the next run goes on with the same channel id.
 */
export async function makeFirstRoot(
  context: PublisherContext,
  options: {
    readonly name: ChannelName
    readonly folder: ChannelFolder
    readonly record: ChannelRecord
    readonly onlineKey: string
  },
): Promise<FirstRoot> {
  const { name, folder, record } = options
  const scope = { name }
  // A root that was never committed and names another online key is of no use; its keys are.
  if (record.channelId !== undefined) await takeBack(context, name, record.channelId)
  const hadKeys = (await context.keyRing.list(scope)).some((key) => key.role !== 'online')
  const recovery = await loadOrMakeKeys(context, name, 'root')
  const publisher = await loadOrMakeKeys(context, name, 'targets')
  const root = createRoot({
    recoveryKeys: recovery,
    rootThreshold: 1,
    targetsKeys: publisher,
    targetsThreshold: 1,
    onlineKeys: [publicKeyFromHex(options.onlineKey)],
    nonce: context.randomness.bytes(nonceBytes),
    expires: timeText(context.clock.now() + lifetimesMs.root),
  })
  const channelId = channelIdOf(root)
  const next = { ...record, channelId, roots: [root], pending: undefined }
  await folder.save(next)
  await context.keyRing.assign(name, channelId)
  return {
    channelId,
    root,
    record: next,
    created: hadKeys ? undefined : await createdKeys(context, channelId),
  }
}

async function takeBack(
  context: PublisherContext,
  name: ChannelName,
  channelId: Digest,
): Promise<void> {
  const { keyRing, passphrase } = context
  for (const { role, key } of await keyRing.list({ channelId })) {
    const pairs = await keyRing.load({ channelId }, role, passphrase)
    for (const pair of pairs) await keyRing.add({ name }, role, pair, passphrase)
    await keyRing.remove({ channelId }, key.keyId)
  }
}

/** The keys of a name for a role; a new one when there is none. */
export async function loadOrMakeKeys(
  context: PublisherContext,
  name: ChannelName,
  role: KeyRole,
): Promise<readonly KeyPair[]> {
  const { keyRing, passphrase } = context
  const stored = (await keyRing.list({ name })).filter((key) => key.role === role)
  if (stored.length > 0) return keyRing.load({ name }, role, passphrase)
  const pair = generateKeyPair()
  await keyRing.add({ name }, role, pair, passphrase)
  return [pair]
}

/** Where the keys of a channel lie that has no release yet. */
export async function createdKeys(
  context: PublisherContext,
  channelId: Digest,
): Promise<CreatedKeys | undefined> {
  const keys = await context.keyRing.list({ channelId })
  const recovery = keys.find((key) => key.role === 'root')
  const publisher = keys.find((key) => key.role === 'targets')
  if (recovery === undefined || publisher === undefined) return undefined
  return {
    recovery: { keyId: recovery.key.keyId, path: recovery.path },
    publisher: { keyId: publisher.key.keyId, path: publisher.path },
  }
}
