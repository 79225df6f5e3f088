import path from 'node:path'
import { parseChannelAddress } from '../../protocol/index.ts'
import type { TunerContext } from '../context.ts'
import { tunerError } from '../errors.ts'
import {
  type DamagedSubscription,
  folderSubscriptionId,
  type Subscription,
} from '../subscriptions/index.ts'

/**
 * Finds the subscriptions that a word means: a name, a URL, a folder or an id; without a word all
 * that can be read.
 * @throws LW_TUNER_NO_CHANNEL; LW_TUNER_STATE_DAMAGED when the one that it means cannot be read
 */
export async function selectSubscriptions(
  context: TunerContext,
  word: string | undefined,
): Promise<readonly Subscription[]> {
  const all = await context.subscriptions.list()
  if (word === undefined) return all
  const url = urlOf(word)
  const folder = await realFolder(context, word)
  const found = all.filter(
    (one) =>
      one.name === word ||
      one.id === word ||
      one.url === word ||
      (url !== undefined && one.url === url) ||
      one.into?.directory === folder,
  )
  if (found.length > 0) return found
  // A damaged one of that name says what is wrong with it.
  for (const id of [word, folderSubscriptionId(folder)]) await context.subscriptions.find(id)
  throw tunerError('LW_TUNER_NO_CHANNEL', {
    detail: `${JSON.stringify(word)} is not subscribed.`,
    next: 'longwave list',
  })
}

/** The damaged one that a word means: its name, its id or its folder. */
export async function findDamaged(
  context: TunerContext,
  word: string,
): Promise<DamagedSubscription | undefined> {
  const ids = [word, folderSubscriptionId(await realFolder(context, word))]
  return (await context.subscriptions.damaged()).find((one) => ids.includes(one.id))
}

async function realFolder(context: TunerContext, word: string): Promise<string> {
  const folder = path.resolve(word)
  return context.fs.realpath(folder).catch(() => folder)
}

function urlOf(word: string): string | undefined {
  if (!/^(longwave:)?https?:/.test(word)) return undefined
  try {
    return parseChannelAddress(word).url
  } catch {
    return undefined
  }
}
