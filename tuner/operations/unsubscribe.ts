import { isLongwaveError } from '../../protocol/index.ts'
import { fileFailure } from '../../store/durable-files/index.ts'
import type { TunerContext } from '../context.ts'
import { FolderState, FolderTransaction } from '../folders/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { inTurn } from './recover.ts'
import { findDamaged } from './select.ts'

/**
 * Ends a subscription. The files of a synchronized folder stay, in one state; a copy of the
 * tuner's goes, with the channel's own data unless that is to be kept.
 */
export async function unsubscribe(
  context: TunerContext,
  subscription: Subscription,
  options: { readonly keepData: boolean },
): Promise<void> {
  const end = (latest: Subscription): Promise<void> => remove(context, latest, options)
  try {
    await inTurn(context, subscription, end)
  } catch (error) {
    // A folder that is gone, or a state that cannot be read, can still be given up.
    const isGone =
      isLongwaveError(error, 'LW_TUNER_FOLDER_GONE') ||
      isLongwaveError(error, 'LW_TUNER_STATE_DAMAGED')
    if (!isGone) throw fileFailure(error, `${subscription.name} was being unsubscribed`)
    await context.turns.take(subscription.id, () => end(subscription))
  }
}

/**
 * Removes what is left of a subscription whose record cannot be read. Where its files were
 * synchronized to is not known any more: they stay, whatever they are.
 * @returns its id; undefined when the word means no damaged one
 */
export async function removeDamaged(
  context: TunerContext,
  word: string,
  options: { readonly keepData: boolean },
): Promise<string | undefined> {
  const id = (await findDamaged(context, word))?.id
  if (id === undefined) return undefined
  await context.turns.take(id, async () => {
    await context.subscriptions.remove(id, options.keepData ? ['data'] : [])
    await context.feedback.forget(id)
    await context.requests.forget(id)
    const text = 'Removed the state of a subscription that could not be read.'
    await context.history.add({ subscription: id, event: 'unsubscribed', text })
    await context.history.forget(id)
    context.recovered.delete(id)
  })
  return id
}

async function remove(
  context: TunerContext,
  subscription: Subscription,
  options: { readonly keepData: boolean },
): Promise<void> {
  const { fs, subscriptions, history } = context
  const { id, into, url } = subscription
  if (into !== undefined) {
    const { journalFile } = new FolderState({ fs, directory: subscriptions.directoryOf(id) })
    const transaction = new FolderTransaction({ fs, directory: into.directory, journalFile })
    await transaction.discardWork().catch((error: unknown) => {
      if (!isLongwaveError(error, 'LW_TUNER_FOLDER_GONE')) throw error
    })
  }
  await subscriptions.remove(id, options.keepData ? ['data'] : [])
  const undelivered = await context.feedback.forget(id)
  await context.requests.forget(id)
  await history.add({
    subscription: id,
    event: 'unsubscribed',
    text:
      undelivered === 0
        ? `Unsubscribed from ${url}.`
        : `Unsubscribed from ${url}; ${undelivered} entries of feedback were never delivered.`,
  })
  await history.forget(id)
  context.recovered.delete(id)
}
