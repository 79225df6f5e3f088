import { isLongwaveError } from '../../protocol/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import { FolderState } from '../folders/index.ts'
import { GenerationStore } from '../generations/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { recoverFolder, type UpdateContext } from '../updates/index.ts'
import { contentRoute } from './poll.ts'

/** The rooms in which a subscription's own copies lie. */
export function generationStore(
  context: TunerContext,
  subscription: Subscription,
): GenerationStore {
  return new GenerationStore({
    fs: context.fs,
    directory: context.subscriptions.directoryOf(subscription.id),
  })
}

export function updateContext(
  context: TunerContext,
  subscription: Subscription,
  options: OperationOptions,
): UpdateContext {
  return {
    fs: context.fs,
    clock: context.clock,
    ...contentRoute(context, subscription),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  }
}

/**
 * Finishes or clears what a crash or a failure left; every operation begins with it, and it looks
 * only once as long as everything ends well.
 * @throws LW_TUNER_STATE_DAMAGED, LW_TUNER_FOLDER_GONE
 */
export async function recoverSubscription(
  context: TunerContext,
  subscription: Subscription,
): Promise<void> {
  const { id } = subscription
  if (context.recovered.has(id)) return
  if (subscription.into === undefined) {
    await generationStore(context, subscription).recover()
  } else {
    const stateDirectory = context.subscriptions.directoryOf(id)
    const updates = updateContext(context, subscription, {})
    if (await recoverFolder(updates, { subscription, stateDirectory })) {
      await context.history.add({
        subscription: id,
        event: 'recovered',
        text: 'An interrupted change was finished.',
      })
    }
  }
  context.recovered.add(id)
}

/** Runs an operation in its turn, after recovery; when it fails the next one recovers again. */
export function inTurn<T>(
  context: TunerContext,
  subscription: Subscription,
  work: (subscription: Subscription) => Promise<T>,
): Promise<T> {
  const { id } = subscription
  return context.turns.take(id, async () => {
    try {
      // It may have been changed while this one waited.
      const latest = (await context.subscriptions.find(id)) ?? subscription
      await recoverSubscription(context, latest)
      return await work(latest)
    } catch (error) {
      context.recovered.delete(id)
      throw error
    }
  })
}

/** The release that lies here; 0 for none, or when that cannot be told any more. */
export async function releaseOf(
  context: TunerContext,
  subscription: Subscription,
): Promise<number> {
  try {
    if (subscription.into === undefined) {
      return (await generationStore(context, subscription).currentRelease()) ?? 0
    }
    const directory = context.subscriptions.directoryOf(subscription.id)
    return (await new FolderState({ fs: context.fs, directory }).heldRecord())?.release ?? 0
  } catch (error) {
    if (isLongwaveError(error, 'LW_TUNER_STATE_DAMAGED')) return 0
    throw error
  }
}
