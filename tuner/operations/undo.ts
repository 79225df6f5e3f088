import type { OperationOptions, TunerContext } from '../context.ts'
import { tunerError } from '../errors.ts'
import { type Damage, verifyGeneration } from '../generations/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { headOf, loadTrustState } from '../../trust/index.ts'
import { undoFolder } from '../updates/index.ts'
import { generationStore, recoverSubscription, updateContext } from './update.ts'

export interface UndoResult {
  readonly subscription: Subscription
  readonly from: number
  readonly to: number
  /** Entries that were not as published and went with the undo. */
  readonly reverted: number
}

/**
 * Goes back a generation and holds the channel there for scheduled runs until a newer release
 * exists; naming the channel in `update` lifts the hold.
 * @throws LW_TUNER_NOTHING_TO_UNDO, LW_TUNER_DAMAGED
 */
export async function undo(
  context: TunerContext,
  subscription: Subscription,
  options: OperationOptions = {},
): Promise<UndoResult> {
  await recoverSubscription(context, subscription)
  const result =
    subscription.into === undefined
      ? await undoGeneration(context, subscription)
      : await undoInFolder(context, subscription, options)
  const trust = await loadTrustState(
    context.fs,
    context.subscriptions.trustFile(subscription.id),
  )
  const head = trust === undefined ? undefined : headOf(trust)
  await context.subscriptions.save({
    ...subscription,
    hold: { release: result.to, beyond: head?.release ?? result.from },
  })
  await context.history.add({
    subscription: subscription.id,
    event: 'undone',
    text: `Went back from release ${result.from} to ${result.to}; held until a newer release.`,
  })
  return result
}

async function undoGeneration(
  context: TunerContext,
  subscription: Subscription,
): Promise<UndoResult> {
  const store = generationStore(context, subscription)
  const current = await store.currentRelease()
  const to = (await store.releases()).find((release) => current !== undefined && release < current)
  if (current === undefined || to === undefined) throw nothingToUndo()
  const trust = await loadTrustState(context.fs, context.subscriptions.trustFile(subscription.id))
  const minimum = trust === undefined ? undefined : headOf(trust)?.minimum
  if (minimum !== undefined && to < minimum) {
    throw tunerError('LW_TUNER_NOTHING_TO_UNDO', {
      detail: `The publisher lets nobody go back below release ${minimum}.`,
    })
  }
  const generation = await store.load(to)
  const damages: readonly Damage[] =
    generation === undefined ? [] : await verifyGeneration(context.fs, generation)
  if (generation === undefined || damages.length > 0) {
    throw tunerError('LW_TUNER_DAMAGED', {
      detail: `Release ${to} has ${damages.length} damaged files.`,
      untouched: `Release ${current} stays current.`,
      members: { damages: damages.slice(0, 100) },
    })
  }
  await store.switchTo(to)
  return { subscription, from: current, to, reverted: 0 }
}

function nothingToUndo(): Error {
  return tunerError('LW_TUNER_NOTHING_TO_UNDO', { untouched: 'Nothing was changed.' })
}

async function undoInFolder(
  context: TunerContext,
  subscription: Subscription,
  options: OperationOptions,
): Promise<UndoResult> {
  const applied = await undoFolder(updateContext(context, subscription, options), {
    subscription,
    stateDirectory: context.subscriptions.directoryOf(subscription.id),
  })
  return {
    subscription,
    from: applied.from,
    to: applied.to,
    reverted: applied.localChanges.length,
  }
}
