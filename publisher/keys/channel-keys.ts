import {
  type ChannelAddress,
  type ChannelName,
  type Digest,
  isChannelName,
  isDigest,
  parseChannelAddress,
} from '../../protocol/index.ts'
import { readFileIfPresent, writeFileDurably } from '../../store/durable-files/index.ts'
import {
  type ExportOptions,
  type ImportOptions,
  type KeyScope,
  type StoredKey,
  parseTargets,
} from '../../trust/index.ts'
import { publishError } from '../errors.ts'
import { publisherLimits } from '../limits.ts'
import { channelFolder, channelRecords, type PublisherContext } from '../sign/index.ts'
import {
  changeKeys,
  type KeyChange,
  type KeyChangeOptions,
  type KeyChangeResult,
  signWaiting,
} from './change-keys.ts'

/** A key of the ring, with the channel that it belongs to as this home knows it. */
export interface ListedKey extends StoredKey {
  readonly channelId: Digest | undefined
}

/** A URL or link, a channel id, or a name of which there is one channel here. */
type Channel = string | ChannelAddress

/** The publisher's keys, as `longwave key` uses them. */
export interface ChannelKeys {
  /** Keys of one channel, or all. */
  list(channel?: Channel): Promise<readonly ListedKey[]>
  /** Adds, removes or rotates keys, changes thresholds, pins the online key, renews signatures. */
  change(
    channel: Channel,
    change: KeyChange,
    options?: Omit<KeyChangeOptions, 'address' | 'change'>,
  ): Promise<KeyChangeResult>
  /** Keys of a channel in one file, for a backup or a build server. */
  export(channel: Channel, options?: ExportOptions): Promise<Uint8Array>
  import(bundle: Uint8Array, options?: ImportOptions): Promise<readonly StoredKey[]>
  /** Removes a key from this home, e.g. the recovery key after it was exported. */
  remove(channel: Channel, keyId: Digest): Promise<boolean>
  /** Adds this home's signatures to release metadata that waits for them. */
  sign(file: string): Promise<{ readonly signatures: number; readonly release: number }>
}

export function createChannelKeys(context: PublisherContext): ChannelKeys {
  const { keyRing, fileSystem } = context
  const listed = (key: StoredKey): ListedKey => ({
    ...key,
    channelId: 'channelId' in key.scope ? key.scope.channelId : undefined,
  })
  return {
    async list(channel) {
      const scope = channel === undefined ? undefined : await scopeOf(context, channel)
      return (await keyRing.list(scope)).map(listed)
    },
    change: (channel, change, options) =>
      changeKeys(context, { ...options, address: addressOf(channel), change }),
    export: async (channel, options) => keyRing.export(await scopeOf(context, channel), options),
    import: (bundle, options) => keyRing.import(bundle, options),
    remove: async (channel, keyId) => keyRing.remove(await scopeOf(context, channel), keyId),
    async sign(file) {
      const bytesMax = publisherLimits.recordBytesMax
      const bytes = await readFileIfPresent(fileSystem, file, { bytesMax })
      if (bytes === undefined) {
        throw publishError('LW_PUBLISH_NO_RELEASE', { detail: `There is no file ${file}.` })
      }
      const { channelId } = parseTargets(bytes).view
      const pairs = await keyRing.load({ channelId }, 'targets', context.passphrase)
      const signed = signWaiting(bytes, pairs)
      await writeFileDurably(fileSystem, file, signed, { mode: 0o600 })
      const targets = parseTargets(signed)
      return { signatures: targets.signatures.size, release: targets.view.head.release }
    },
  }
}

function addressOf(channel: Channel): ChannelAddress {
  return typeof channel === 'string' ? parseChannelAddress(channel) : channel
}

/**
 * Whose keys: by the channel id, by the link's id, by what this home knows of the URL or the name,
 * by the name alone before there is an id.
 */
async function scopeOf(context: PublisherContext, channel: Channel): Promise<KeyScope> {
  if (isDigest(channel)) return { channelId: channel }
  if (isChannelName(channel)) return scopeOfName(context, channel)
  const { name, url, channelId } = addressOf(channel)
  if (channelId !== undefined) return { channelId }
  const record = await channelFolder(context.fileSystem, context.home, name, url).load()
  return record.channelId === undefined ? { name } : { channelId: record.channelId }
}

async function scopeOfName(context: PublisherContext, name: ChannelName): Promise<KeyScope> {
  const records = await channelRecords(context.fileSystem, context.home, name)
  const ids = [...new Set(records.flatMap((record) => record.channelId ?? []))]
  const [channelId] = ids
  if (channelId === undefined) return { name }
  if (ids.length === 1) return { channelId }
  const addresses = records.map((record) => record.address).join(', ')
  throw publishError('LW_PUBLISH_ATTRIBUTE', {
    detail: `${name} is the name of several channels here: ${addresses}.`,
    next: 'Name one by its URL or its channel id.',
  })
}
