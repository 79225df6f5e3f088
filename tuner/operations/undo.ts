import { fileFailure } from '../../store/durable-files/index.ts'
import { headOf, loadTrustState } from '../../trust/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import { tunerError } from '../errors.ts'
import { verifyGeneration } from '../generations/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { overlayStore } from '../update-requests/index.ts'
import { undoFolder } from '../updates/index.ts'
import { operationLimits } from './limits.ts'
import { generationStore, inTurn, releaseOf, updateContext } from './recover.ts'

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
 * @throws LW_TUNER_NOTHING_TO_UNDO, LW_TUNER_DAMAGED, LW_TUNER_PROTECTED
 */
export function undo(
  context: TunerContext,
  subscription: Subscription,
  options: OperationOptions = {},
): Promise<UndoResult> {
  return inTurn(context, subscription, async (latest) => {
    try {
      const result =
        latest.into === undefined
          ? await undoGeneration(context, latest, options)
          : await undoInFolder(context, latest, options)
      await context.history.add({
        subscription: latest.id,
        event: 'undone',
        text: undoneText(result),
      })
      const { installed: _installed, ...status } = await context.history.status(latest.id)
      await context.history.setStatus(latest.id, status)
      return result
    } catch (error) {
      throw fileFailure(error, `${latest.name} was being taken back`)
    }
  })
}

function undoneText({ from, to }: UndoResult): string {
  if (from === to) return `Took back what was changed in release ${to} here.`
  return `Went back from release ${from} to ${to}; held until a newer release.`
}

/** The hold is there before the change: a crash between the two must not undo the undo. */
async function hold(
  context: TunerContext,
  subscription: Subscription,
  at: { readonly from: number; readonly to: number },
): Promise<Subscription> {
  const trust = await loadTrustState(context.fs, context.subscriptions.trustFile(subscription.id))
  const head = trust === undefined ? undefined : headOf(trust)
  const held: Subscription = {
    ...subscription,
    hold: { release: at.to, beyond: Math.max(head?.release ?? 0, at.from) },
  }
  await context.subscriptions.save(held)
  return held
}

async function undoGeneration(
  context: TunerContext,
  subscription: Subscription,
  options: OperationOptions,
): Promise<UndoResult> {
  const store = generationStore(context, subscription)
  const current = await store.currentRelease()
  const to = (await store.releases()).find((release) => current !== undefined && release < current)
  if (current === undefined || to === undefined) {
    throw tunerError('LW_TUNER_NOTHING_TO_UNDO', { untouched: 'Nothing was changed.' })
  }
  await requireAllowed(context, subscription, to)
  const generation = await store.load(to)
  const damages =
    generation === undefined ? [] : await verifyGeneration(context.fs, generation, options)
  if (generation === undefined || damages.length > 0) {
    throw tunerError('LW_TUNER_DAMAGED', {
      detail: `Release ${to} has ${damages.length} damaged files.`,
      untouched: `Release ${current} stays current.`,
      members: { damages: damages.slice(0, operationLimits.damagesNamedMax) },
    })
  }
  const held = await hold(context, subscription, { from: current, to })
  const overlay = await overlayStore(context, subscription).serialOver(generation.name)
  await store.switchTo(generation.name, overlay)
  return { subscription: held, from: current, to, reverted: 0 }
}

/** The publisher may have signed that older releases are not to be used any more. */
async function requireAllowed(
  context: TunerContext,
  subscription: Subscription,
  to: number,
): Promise<void> {
  const trust = await loadTrustState(context.fs, context.subscriptions.trustFile(subscription.id))
  const minimum = trust === undefined ? undefined : headOf(trust)?.minimum
  if (minimum === undefined || to >= minimum) return
  throw tunerError('LW_TUNER_NOTHING_TO_UNDO', {
    detail: `The publisher lets nobody go back below release ${minimum}.`,
    untouched: 'Nothing was changed.',
  })
}

async function undoInFolder(
  context: TunerContext,
  subscription: Subscription,
  options: OperationOptions,
): Promise<UndoResult> {
  const updates = updateContext(context, subscription, options)
  const stateDirectory = context.subscriptions.directoryOf(subscription.id)
  const from = await releaseOf(context, subscription)
  const applied = await undoFolder(updates, {
    subscription,
    stateDirectory,
    onTarget: async (to) => {
      await requireAllowed(context, subscription, to === 0 ? Number.POSITIVE_INFINITY : to)
      await hold(context, subscription, { from, to })
    },
  })
  const held = (await context.subscriptions.find(subscription.id)) ?? subscription
  const reverted = applied.localChanges.length
  return { subscription: held, from: applied.from, to: applied.to, reverted }
}
