import path from 'node:path'
import { parseChannelAddress } from '../../protocol/index.ts'
import type { TunerContext } from '../context.ts'
import { tunerError } from '../errors.ts'
import type { Subscription } from '../subscriptions/index.ts'

/**
 * Finds the subscriptions that a word means: a name, a URL, a folder or an id; all without a word.
 * @throws LW_TUNER_NO_CHANNEL; without a word LW_TUNER_STATE_DAMAGED when one cannot be read
 */
export async function selectSubscriptions(
  context: TunerContext,
  word: string | undefined,
): Promise<readonly Subscription[]> {
  const all = await context.subscriptions.list()
  if (word === undefined) {
    const [failure] = await context.subscriptions.failures()
    if (failure !== undefined) throw failure
    return all
  }
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
  await context.subscriptions.find(word)
  throw tunerError('LW_TUNER_NO_CHANNEL', {
    detail: `${JSON.stringify(word)} is not subscribed.`,
    next: 'longwave list',
  })
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
