import {
  type ChannelAddress,
  type Digest,
  isChannelName,
  isReadToken,
  limits as formatLimits,
  parseSchedule,
  updatingName,
} from '../../protocol/index.ts'
import { ensureDirectory, fileFailure, isErrno } from '../../store/durable-files/index.ts'
import { channelIdOf } from '../../trust/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import { tunerError } from '../errors.ts'
import { whyNotFolder } from '../folders/index.ts'
import { loadPolicy, ruleFor } from '../policy/index.ts'
import { askRepeater } from '../repeaters/index.ts'
import { folderSubscriptionId, type Subscription } from '../subscriptions/index.ts'
import type { UpdateResult } from './outcome.ts'
import { findProxy } from './find-proxy.ts'
import { giveUp } from './give-up.ts'
import { otherChannelLinked } from './other-channel.ts'
import { requestUrl } from './request-url.ts'
import { inTurn } from './recover.ts'
import { closedError, obtainTicket } from './ticket-access.ts'
import { type UpdateOptions, updateInTurn } from './update.ts'

export interface SubscribeOptions extends OperationOptions {
  readonly address: ChannelAddress
  /** How people will call it; the channel's name when absent. */
  readonly as?: string
  /** Synchronize this folder instead of keeping a copy of the tuner's own. */
  readonly into?: {
    readonly directory: string
    readonly adopt: boolean
    readonly protect: readonly string[]
  }
  readonly schedule?: string
  /** A proxy's URL, or `auto` for the one of this site (`findProxy`). */
  readonly proxy?: string
  /** Opens a closed channel; it is shown to the origin alone, and kept apart from all else. */
  readonly token?: string
  /** The address is that of a bare DRP index, for which nobody vouches but its server. */
  readonly unsigned?: boolean
  readonly onLocalChanges?: UpdateOptions['onLocalChanges'] | undefined
}

/**
 * Subscribes to a channel and fetches it at once. When the first fetch fails nothing is subscribed,
 * but what was downloaded and verified is used by the next attempt.
 * @throws LW_TUNER_NAME_TAKEN, LW_TUNER_FOLDER_REFUSED, LW_TUNER_FOLDER_NOT_EMPTY,
 *   LW_TUNER_CHANNEL_UNKNOWN, LW_TUNER_NO_PROXY, LW_TUNER_POLICY, LW_TUNER_CLOSED, LW_TUNER_TOKEN,
 *   LW_TRUST_…
 */
export async function subscribe(
  context: TunerContext,
  given: SubscribeOptions,
): Promise<UpdateResult> {
  const options = await withProxy(context, given)
  const { address } = options
  const name = options.as ?? address.name
  if (options.unsigned === true && options.proxy !== undefined) {
    throw tunerError('LW_TUNER_UNSIGNED', { detail: 'A proxy passes on signed channels only.' })
  }
  if (options.token !== undefined) requireToken(options)
  if (!isChannelName(name)) {
    throw tunerError('LW_TUNER_NAME_TAKEN', { detail: `${JSON.stringify(name)} is not a name.` })
  }
  if (options.schedule !== undefined) {
    parseSchedule(options.schedule)
    await requireOverride(context, { name, url: address.url })
  }
  const folder = options.into === undefined ? undefined : await openFolder(context, options.into)
  try {
    return await subscribeTo(context, { name, folder }, options)
  } catch (error) {
    if (folder?.isNew === true) await removeIfEmpty(context, folder.into.directory)
    throw closedError(address.url, { hasToken: options.token !== undefined, cause: error })
  }
}

/** @throws LW_TUNER_TOKEN, without a word of it */
function requireToken({ token, unsigned }: SubscribeOptions): void {
  if (unsigned === true) {
    throw tunerError('LW_TUNER_UNSIGNED', { detail: 'Tokens are for signed channels only.' })
  }
  if (isReadToken(token)) return
  throw tunerError('LW_TUNER_TOKEN', {
    detail: 'A token is one word, as the transmitter printed it.',
    untouched: 'Nothing was sent.',
  })
}

/**
 * Tries a token at the origin before it is kept. An open channel needs none, and one that is not
 * needed is not kept: the next subscribe command may run where a token for elsewhere is set.
 * @returns whether it opened the channel
 */
async function isOpenedBy(
  context: TunerContext,
  subscription: Subscription,
  { token, signal }: SubscribeOptions,
): Promise<boolean> {
  if (token === undefined) return false
  const options = signal === undefined ? { token } : { token, signal }
  return (await obtainTicket(context, subscription, options)) !== undefined
}

const notKept = 'The channel is open: its token was not needed, and was not kept.'

async function withProxy(
  context: TunerContext,
  options: SubscribeOptions,
): Promise<SubscribeOptions> {
  if (options.proxy !== 'auto') return options
  if (options.token !== undefined) {
    throw tunerError('LW_TUNER_NO_PROXY', {
      detail: 'A token is not shown to a proxy that was found by its name alone.',
      untouched: 'Nothing was subscribed.',
      next: 'Give the proxy: --proxy URL.',
    })
  }
  return { ...options, proxy: await findProxy(context, options.signal) }
}

interface OpenedFolder {
  readonly into: NonNullable<Subscription['into']>
  /** It was made for this subscription. */
  readonly isNew: boolean
  /** It has files of somebody else's, and nobody said that they may be taken over. */
  readonly isForeign: boolean
}

async function subscribeTo(
  context: TunerContext,
  as: { readonly name: string; readonly folder: OpenedFolder | undefined },
  options: SubscribeOptions,
): Promise<UpdateResult> {
  const { address } = options
  const { name, folder } = as
  const id = folder === undefined ? name : folderSubscriptionId(folder.into.directory)
  const existing = await requireFreeName(context, { id, name, url: address.url })
  if (existing !== undefined) return refetch(context, existing, options)
  const channel = address.channelId ?? (await askChannelId(context, options))
  const subscription: Subscription = {
    id,
    name,
    url: address.url,
    channel,
    firstUse: firstUseOf(options),
    ...(folder === undefined ? {} : { into: folder.into }),
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    ...(options.schedule === undefined ? {} : { schedule: options.schedule }),
    addedAt: new Date(context.clock.now()).toISOString(),
  }
  const isOpened = await isOpenedBy(context, subscription, options)
  const isUnsigned = options.unsigned === true
  const assigned = isUnsigned ? subscription : await withRepeater(context, subscription, options)
  const { token, ...withoutToken } = options
  const kept = isOpened ? options : withoutToken
  const result = await inTurn(context, assigned, () =>
    firstFetch(context, assigned, { ...kept, isForeign: folder?.isForeign === true }),
  )
  return token === undefined || isOpened ? result : withWarning(result)
}

function withWarning(result: UpdateResult): UpdateResult {
  return { ...result, warnings: [...result.warnings, notKept] }
}

function firstUseOf({ address, unsigned }: SubscribeOptions): Subscription['firstUse'] {
  if (unsigned === true) return 'unsigned'
  return address.channelId === undefined ? 'trust-on-first-use' : 'pinned'
}

/** One redirect at the first visit, remembered from then on (C63). */
async function withRepeater(
  context: TunerContext,
  subscription: Subscription,
  { signal }: SubscribeOptions,
): Promise<Subscription> {
  const origin = requestUrl(subscription)
  const repeater = await askRepeater(context, subscription, { origin, signal })
  return typeof repeater === 'string' ? { ...subscription, repeater } : subscription
}

/** @throws LW_TUNER_POLICY when the administrator forbids schedules of one's own */
export async function requireOverride(
  context: TunerContext,
  subscription: Pick<Subscription, 'name' | 'url'>,
): Promise<void> {
  const rule = ruleFor(await loadPolicy(context.fs, context.directory), subscription)
  if (rule.schedule === undefined && rule.allowOverride !== false) return
  throw tunerError('LW_TUNER_POLICY', {
    detail: `The schedule of ${subscription.name} is set for everybody.`,
    untouched: 'The schedule is as it was.',
    next: 'Ask who keeps policy.toml.',
  })
}

async function firstFetch(
  context: TunerContext,
  subscription: Subscription,
  options: SubscribeOptions & { readonly isForeign: boolean },
): Promise<UpdateResult> {
  const { subscriptions, history } = context
  const { id } = subscription
  // Staged objects are verified by their names: whoever they were fetched for, they are right.
  await subscriptions.clear(id, ['data', 'staging'])
  await history.forget(id)
  // From here on a crash leaves something that is listed, and that recovery knows of.
  const pending: Subscription = { ...subscription, pending: true }
  await subscriptions.save(pending)
  if (options.token !== undefined) await subscriptions.tokens.save(pending, options.token)
  let result: UpdateResult
  try {
    result = await updateInTurn(context, pending, {
      ...updateOptions(options),
      ...(options.isForeign ? { refuseForeign: true } : {}),
    })
  } catch (error) {
    await giveUp(context, pending, error)
    throw error
  }
  await subscriptions.save(subscription)
  await history.add({
    subscription: id,
    event: 'subscribed',
    text: `Subscribed to ${subscription.url} at release ${result.to}.`,
  })
  return { ...result, subscription }
}

function updateOptions(options: SubscribeOptions): UpdateOptions {
  const { signal, onProgress, onLocalChanges, address } = options
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(onLocalChanges === undefined ? {} : { onLocalChanges }),
    ...(address.rootVersion === undefined ? {} : { minimumRootVersion: address.rootVersion }),
    ...(options.into?.adopt === true ? { adopt: true } : {}),
  }
}

/** Subscribing again to the same channel under the same name is an update. */
function refetch(
  context: TunerContext,
  existing: Subscription,
  options: SubscribeOptions,
): Promise<UpdateResult> {
  const { channelId } = options.address
  return inTurn(context, existing, async (latest) => {
    if (channelId !== undefined && channelId !== latest.channel) {
      throw otherChannelLinked(latest, channelId)
    }
    const { pending: _pending, ...known } = latest
    const subscription: Subscription = {
      ...known,
      ...(channelId === undefined || known.firstUse === 'unsigned'
        ? {}
        : { firstUse: 'pinned' as const }),
      ...(options.schedule === undefined ? {} : { schedule: options.schedule }),
      ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
      ...(options.into === undefined || known.into === undefined
        ? {}
        : { into: { ...known.into, protect: options.into.protect } }),
    }
    const { token } = options
    const isOpened = await isOpenedBy(context, subscription, options)
    if (token !== undefined && isOpened) {
      await context.subscriptions.tokens.save(subscription, token)
    }
    const result = await updateInTurn(context, subscription, updateOptions(options))
    const { hold: _hold, ...free } = subscription
    await context.subscriptions.save(free)
    const done = { ...result, subscription: free }
    return token === undefined || isOpened ? done : withWarning(done)
  })
}

async function requireFreeName(
  context: TunerContext,
  wanted: { readonly id: string; readonly name: string; readonly url: string },
): Promise<Subscription | undefined> {
  const existing = await context.subscriptions.find(wanted.id)
  if (existing?.url === wanted.url && existing.pending !== true) return existing
  for (const other of await context.subscriptions.list()) {
    // A first fetch that broke can be replaced: nothing is subscribed yet.
    if (other.pending === true && other.id === wanted.id) continue
    if (other.id === wanted.id || (other.name === wanted.name && other.url !== wanted.url)) {
      if (other.into !== undefined && other.id === wanted.id) {
        throw tunerError('LW_TUNER_FOLDER_REFUSED', {
          detail: `${other.into.directory} is kept by ${other.name}, which is ${other.url}.`,
          untouched: 'Nothing was subscribed.',
          next: `Take another folder, or end that one first: longwave unsubscribe ${other.into.directory}`,
        })
      }
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
): Promise<OpenedFolder> {
  const { fs } = context
  try {
    const existed = await typeIfPresent(context, into.directory)
    if (existed !== undefined && existed !== 'directory') {
      throw tunerError('LW_TUNER_FOLDER_REFUSED', { detail: `${into.directory} is not a folder.` })
    }
    if (existed === undefined) await ensureDirectory(fs, into.directory)
    const directory = await fs.realpath(into.directory)
    const all = await context.subscriptions.list()
    const folders = all.flatMap((one) => (one.into === undefined ? [] : [one.into.directory]))
    const others = folders.filter((folder) => folder !== directory)
    const why = whyNotFolder(directory, { home: await fs.realpath(context.home), folders: others })
    if (why !== undefined) {
      throw tunerError('LW_TUNER_FOLDER_REFUSED', {
        detail: `${directory} ${why}.`,
        untouched: 'The folder is as it was.',
      })
    }
    const isForeign =
      !folders.includes(directory) && !into.adopt && (await hasEntries(context, directory))
    return { into: { directory, protect: into.protect }, isNew: existed === undefined, isForeign }
  } catch (error) {
    throw fileFailure(error, `${into.directory} was being looked at`)
  }
}

/** What a resumed download needs lies in the folder, and keeps it. */
async function removeIfEmpty({ fs }: TunerContext, directory: string): Promise<void> {
  await fs.rmdir(directory).catch(() => undefined)
}

async function typeIfPresent(context: TunerContext, file: string) {
  try {
    return (await context.fs.stat(file)).type
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Whether something lies there that is not of a download of ours that broke. */
async function hasEntries(context: TunerContext, directory: string): Promise<boolean> {
  const entries = await context.fs.readdir(directory)
  return entries.some(({ name }) => name !== updatingName)
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
    ...(options.token === undefined
      ? {}
      : { authorization: `Bearer ${options.token}`, mayRedirect: false }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  if (root.status !== 200) {
    throw tunerError('LW_TUNER_CHANNEL_UNKNOWN', {
      detail: `${options.address.url} answered ${root.status}.`,
      untouched: 'Nothing was subscribed.',
      next: `longwave channels ${options.address.base}`,
    })
  }
  return channelIdOf(root.bytes)
}
