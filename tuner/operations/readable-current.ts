import { isLongwaveError } from '../../protocol/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import type { Generation, GenerationStore } from '../generations/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { updateInTurn } from './update.ts'

/** The generation that is current, and whether it had to be fetched again to be one. */
export interface ReadableCurrent {
  /** Undefined when nothing was fetched yet. */
  readonly current: Generation | undefined
  readonly isRefetched: boolean
}

/**
 * The current generation for those who mend. One whose records cannot be read is worth no more than
 * one that is gone: the newest release takes its place.
 * @throws what an update throws, when it has to be fetched
 */
export async function readableCurrent(
  context: TunerContext,
  subscription: Subscription,
  at: { readonly store: GenerationStore; readonly options: OperationOptions },
): Promise<ReadableCurrent> {
  const { store, options } = at
  try {
    return { current: await store.current(), isRefetched: false }
  } catch (error) {
    if (!isLongwaveError(error, 'LW_TUNER_STATE_DAMAGED')) throw error
  }
  await updateInTurn(context, subscription, options)
  return { current: await store.current(), isRefetched: true }
}
