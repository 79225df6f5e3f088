import type { OperationOptions, TunerContext } from '../context.ts'
import { tunerError } from '../errors.ts'
import { type Damage, verifyGeneration } from '../generations/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { headOf, loadTrustState } from '../../trust/index.ts'
import { folderDifferences, updateFolder } from '../updates/index.ts'
import {
  generationStore,
  healDamages,
  recoverSubscription,
  releaseOf,
  updateContext,
} from './update.ts'

export interface VerifyResult {
  readonly subscription: Subscription
  readonly release: number
  readonly files: number
  readonly damages: readonly Damage[]
  readonly healed: boolean
}

/**
 * Compares every file with what was published (C84). With `heal` only damaged files are fetched;
 * freshness does not matter for that.
 */
export async function verify(
  context: TunerContext,
  subscription: Subscription,
  options: OperationOptions & { readonly heal?: boolean } = {},
): Promise<VerifyResult> {
  await recoverSubscription(context, subscription)
  return subscription.into === undefined
    ? verifyCopy(context, subscription, options)
    : verifyFolder(context, subscription, options)
}

async function verifyCopy(
  context: TunerContext,
  subscription: Subscription,
  options: OperationOptions & { readonly heal?: boolean },
): Promise<VerifyResult> {
  const store = generationStore(context, subscription)
  const current = await store.current()
  if (current === undefined) {
    throw tunerError('LW_TUNER_NO_GENERATION', { detail: 'No release was fetched yet.' })
  }
  const heal = options.heal === true
  const damages = heal
    ? await healDamages(updateContext(context, subscription, options), store, current)
    : await verifyGeneration(context.fs, current)
  if (heal && damages.length > 0) await noteHealed(context, subscription, damages.length)
  return {
    subscription,
    release: current.release,
    files: current.files.length,
    damages,
    healed: heal && damages.length > 0,
  }
}

async function verifyFolder(
  context: TunerContext,
  subscription: Subscription,
  options: OperationOptions & { readonly heal?: boolean },
): Promise<VerifyResult> {
  const updates = updateContext(context, subscription, options)
  const stateDirectory = context.subscriptions.directoryOf(subscription.id)
  const folder = { subscription, stateDirectory }
  const differences = await folderDifferences(updates, folder)
  const what = { edited: 'altered', deleted: 'missing', added: 'extra' } as const
  const damages = differences.map((one): Damage => ({ path: one.path, what: what[one.what] }))
  const release = await releaseOf(context, subscription)
  const state = await loadTrustState(context.fs, context.subscriptions.trustFile(subscription.id))
  const head = state === undefined ? undefined : headOf(state)
  const heal = options.heal === true && damages.length > 0 && head?.release === release
  if (heal && head !== undefined) {
    await updateFolder(updates, { ...folder, head })
    await noteHealed(context, subscription, damages.length)
  }
  return { subscription, release, files: head?.entries ?? 0, damages, healed: heal }
}

function noteHealed(
  context: TunerContext,
  subscription: Subscription,
  count: number,
): Promise<void> {
  return context.history.add({
    subscription: subscription.id,
    event: 'healed',
    text: `Mended ${count} entries.`,
  })
}
