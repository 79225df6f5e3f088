import { fileFailure } from '../../store/durable-files/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import { tunerError } from '../errors.ts'
import {
  type Damage,
  type Generation,
  type GenerationStore,
  verifyGeneration,
} from '../generations/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { healOverlay, overlayStore } from '../update-requests/index.ts'
import { folderDifferences, heldRelease, targetOfHeld, updateFolder } from '../updates/index.ts'
import { healDamages, requireMended } from './heal.ts'
import { readableCurrent } from './readable-current.ts'
import { closedFailure } from './ticket-access.ts'
import { generationStore, inTurn, updateContext } from './recover.ts'

export interface VerifyResult {
  readonly subscription: Subscription
  readonly release: number
  readonly files: number
  readonly damages: readonly Damage[]
  /** Whether what was damaged is as published again: it was looked at once more. */
  readonly healed: boolean
  /** The records of the release could not be read, and the newest one was fetched in its place. */
  readonly isRefetched?: boolean
}

export interface VerifyOptions extends OperationOptions {
  /** Fetches what is damaged again. */
  readonly heal?: boolean
}

/**
 * Compares every file with what was published (C84). With `heal` only damaged files are fetched;
 * freshness does not matter for that.
 * @throws LW_TUNER_NO_GENERATION, LW_TUNER_STATE_DAMAGED, LW_TUNER_FOLDER_GONE, LW_TUNER_DAMAGED
 *   when what was mended is not sound
 */
export function verify(
  context: TunerContext,
  subscription: Subscription,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  return inTurn(context, subscription, async (latest) => {
    try {
      const result =
        latest.into === undefined
          ? await verifyCopy(context, latest, options)
          : await verifyFolder(context, latest, options)
      if (result.healed) {
        await context.history.add({
          subscription: latest.id,
          event: 'healed',
          text: `Mended ${result.damages.length} entries.`,
        })
      }
      return result
    } catch (error) {
      const denied = await closedFailure(context, latest, error)
      throw fileFailure(denied, `${latest.name} was being verified`)
    }
  })
}

async function verifyCopy(
  context: TunerContext,
  subscription: Subscription,
  options: VerifyOptions,
): Promise<VerifyResult> {
  const store = generationStore(context, subscription)
  const heal = options.heal === true
  const { current, isRefetched } = heal
    ? await readableCurrent(context, subscription, { store, options })
    : { current: await store.current(), isRefetched: false }
  if (current === undefined) throw nothingFetched()
  const ofRelease = heal
    ? await healDamages(updateContext(context, subscription, options), store, current)
    : await verifyGeneration(context.fs, current, options)
  const ofOverlay = await verifyOverlayShown(context, subscription, { ...options, store, current })
  const known = new Set(ofRelease.map((damage) => damage.path))
  const damages = [...ofRelease, ...ofOverlay.filter((damage) => !known.has(damage.path))]
  return {
    subscription,
    release: current.release,
    files: current.files.length,
    damages,
    healed: heal && (damages.length > 0 || isRefetched),
    ...(isRefetched ? { isRefetched } : {}),
  }
}

/** The tree that an overlay makes of the release is a proof of its own; with `heal` it is mended. */
async function verifyOverlayShown(
  context: TunerContext,
  subscription: Subscription,
  options: VerifyOptions & { readonly store: GenerationStore; readonly current: Generation },
): Promise<readonly Damage[]> {
  const { store, current, heal } = options
  const serial = await store.currentOverlay()
  if (serial === undefined) return []
  const damages = await overlayStore(context, subscription).verify(current, serial, options)
  if (heal === true && damages.length > 0) {
    await healOverlay(context, subscription, { store, generation: current, serial })
  }
  return damages
}

async function verifyFolder(
  context: TunerContext,
  subscription: Subscription,
  options: VerifyOptions,
): Promise<VerifyResult> {
  const updates = updateContext(context, subscription, options)
  const stateDirectory = context.subscriptions.directoryOf(subscription.id)
  const folder = { subscription, stateDirectory }
  const held = await heldRelease(context, stateDirectory)
  if (held === undefined) throw nothingFetched()
  const differences = await folderDifferences(updates, folder)
  const what = {
    edited: 'altered',
    deleted: 'missing',
    added: 'extra',
    special: 'altered',
  } as const
  const damages = differences.map((one): Damage => ({ path: one.path, what: what[one.what] }))
  const healed = options.heal === true && damages.length > 0
  const head = targetOfHeld(held)
  if (healed) {
    await updateFolder(updates, { ...folder, head })
    const left = await folderDifferences(updates, folder)
    requireMended(left.map((one) => one.path))
  }
  return { subscription, release: head.release, files: head.entries, damages, healed }
}

function nothingFetched(): Error {
  return tunerError('LW_TUNER_NO_GENERATION', { detail: 'No release was fetched yet.' })
}
