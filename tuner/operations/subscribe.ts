import {
  type ChannelAddress,
  type Digest,
  isChannelName,
  limits as formatLimits,
  parseDocument,
  parseSchedule,
  SubscriptionDocument,
} from '../../protocol/index.ts'
import { ensureDirectory, isErrno } from '../../store/durable-files/index.ts'
import { channelIdOf } from '../../trust/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import { tunerError } from '../errors.ts'
import { whyNotFolder } from '../folders/index.ts'
import { folderSubscriptionId, type Subscription } from '../subscriptions/index.ts'
import { requestUrl } from './poll.ts'
import { type UpdateOptions, type UpdateResult, updateSubscription } from './update.ts'

export interface SubscribeOptions extends OperationOptions {
  readonly address: ChannelAddress
  /** How people will call it; the channel's name when absent. */
  readonly as?: string
  /** Synchronize this folder instead of keeping a copy of the tuner's own. */
  readonly into?: { readonly directory: string; readonly adopt: boolean; readonly protect: readonly string[] }
  readonly schedule?: string
  readonly proxy?: string
  readonly onLocalChanges?: UpdateOptions['onLocalChanges']
}

/**
 * Subscribes to a channel and fetches it at once. When the first fetch fails nothing is subscribed.
 * @throws LW_TUNER_NAME_TAKEN, LW_TUNER_FOLDER_REFUSED, LW_TUNER_FOLDER_NOT_EMPTY, LW_TRUST_…
 */
export async function subscribe(
  context: TunerContext,
  options: SubscribeOptions,
): Promise<UpdateResult> {
  const { address } = options
  const name = options.as ?? address.name
  if (!isChannelName(name)) {
    throw tunerError('LW_TUNER_NAME_TAKEN', { detail: `${JSON.stringify(name)} is not a name.` })
  }
  if (options.schedule !== undefined) parseSchedule(options.schedule)
  const into = options.into === undefined ? undefined : await openFolder(context, options.into)
  const id = into === undefined ? name : folderSubscriptionId(into.directory)
  const existing = await requireFreeName(context, { id, name, url: address.url, as: options.as })
  if (existing !== undefined) return refetch(context, existing, options)
  const channel = address.channelId ?? (await askChannelId(context, options))
  const subscription: Subscription = {
    id,
    name,
    url: address.url,
    channel,
    firstUse: address.channelId === undefined ? 'trust-on-first-use' : 'pinned',
    ...(into === undefined ? {} : { into }),
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    ...(options.schedule === undefined ? {} : { schedule: options.schedule }),
    addedAt: new Date(context.clock.now()).toISOString(),
  }
  await context.subscriptions.clear(id, { keepData: true })
  await ensureDirectory(context.fs, context.subscriptions.directoryOf(id), { mode: 0o755 })
  try {
    const result = await updateSubscription(context, subscription, updateOptions(options))
    await context.subscriptions.save(subscription)
    await context.history.add({
      subscription: id,
      event: 'subscribed',
      text: `Subscribed to ${address.url} at release ${result.to}.`,
    })
    return result
  } catch (error) {
    // A folder whose change was begun is finished by recovery, so its record must stay.
    if (into === undefined) await context.subscriptions.clear(id, { keepData: true })
    await context.history.forget(id)
    throw error
  }
}

function updateOptions(options: SubscribeOptions): UpdateOptions {
  const { signal, onProgress, onLocalChanges, address } = options
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(onLocalChanges === undefined ? {} : { onLocalChanges }),
    ...(address.rootVersion === undefined ? {} : { minimumRootVersion: address.rootVersion }),
  }
}

/** Subscribing again to the same channel under the same name is an update. */
async function refetch(
  context: TunerContext,
  existing: Subscription,
  options: SubscribeOptions,
): Promise<UpdateResult> {
  const { channelId } = options.address
  const pinned: Subscription =
    channelId !== undefined && channelId === existing.channel
      ? { ...existing, firstUse: 'pinned' }
      : existing
  const subscription: Subscription =
    options.schedule === undefined ? pinned : { ...pinned, schedule: options.schedule }
  if (channelId !== undefined && channelId !== existing.channel) {
    // The trust client names both fingerprints and the command that mends it.
    return updateSubscription(context, { ...existing, channel: channelId }, updateOptions(options))
  }
  await context.subscriptions.save(subscription)
  return updateSubscription(context, subscription, updateOptions(options))
}

async function requireFreeName(
  context: TunerContext,
  wanted: {
    readonly id: string
    readonly name: string
    readonly url: string
    readonly as: string | undefined
  },
): Promise<Subscription | undefined> {
  for (const other of await context.subscriptions.list()) {
    if (other.id === wanted.id && other.url === wanted.url) return other
    if (other.id === wanted.id || (other.name === wanted.name && other.url !== wanted.url)) {
      throw tunerError('LW_TUNER_NAME_TAKEN', {
        detail: `${other.name} is ${other.url}.`,
        untouched: 'Nothing was subscribed.',
        next: `longwave subscribe ${wanted.url} --as ANOTHER-NAME`,
      })
    }
  }
  return undefined
}

/** Checks a folder and makes it when it is not there. */
async function openFolder(
  context: TunerContext,
  into: NonNullable<SubscribeOptions['into']>,
): Promise<NonNullable<Subscription['into']>> {
  const { fs } = context
  const existed = await fs.stat(into.directory).then(
    (stats) => stats.type,
    (error: unknown) => {
      if (isErrno(error, 'ENOENT')) return undefined
      throw error
    },
  )
  if (existed !== undefined && existed !== 'directory') {
    throw tunerError('LW_TUNER_FOLDER_REFUSED', { detail: `${into.directory} is not a folder.` })
  }
  if (existed === undefined) await ensureDirectory(fs, into.directory)
  const directory = await fs.realpath(into.directory)
  const all = await context.subscriptions.list()
  const folders = all.flatMap((one) => (one.into === undefined ? [] : [one.into.directory]))
  const home = await fs.realpath(context.home)
  const others = folders.filter((folder) => folder !== directory)
  const why = whyNotFolder(directory, { home, folders: others })
  if (why !== undefined) {
    throw tunerError('LW_TUNER_FOLDER_REFUSED', {
      detail: `${directory} ${why}.`,
      untouched: 'The folder is as it was.',
    })
  }
  const known = folders.includes(directory)
  if (!known && !into.adopt && (await fs.readdir(directory)).length > 0) {
    throw tunerError('LW_TUNER_FOLDER_NOT_EMPTY', {
      detail: `${directory} has files that a mirror would replace or remove.`,
      untouched: 'The folder is as it was.',
      next: 'Add --adopt to see what would change and to take it over, --protect GLOB to keep files.',
    })
  }
  return { directory, protect: into.protect }
}

/**
 * The channel id that the channel's own host tells: trust on first use, and said so. The id is the
 * hash of the first root, so it is computed from that and not believed.
 */
async function askChannelId(context: TunerContext, options: SubscribeOptions): Promise<Digest> {
  const url = requestUrl({
    url: options.address.url,
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
  })
  const root = await context.transport.fetchBytes(`${url}/trust/1.root.json`, {
    bytesMax: formatLimits.rootBytesMax,
    acceptStatus: [404, 410],
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  if (root.status !== 200) {
    throw tunerError('LW_TUNER_NO_CHANNEL', {
      detail: `${options.address.url} answered ${root.status}.`,
      untouched: 'Nothing was subscribed.',
      next: `longwave channels ${options.address.base}`,
    })
  }
  return channelIdOf(root.bytes)
}

/** The document behind a subscribe link, for the helper that a browser starts. */
export function readSubscriptionDocument(bytes: Uint8Array): SubscriptionDocument {
  return parseDocument(SubscriptionDocument, bytes)
}
