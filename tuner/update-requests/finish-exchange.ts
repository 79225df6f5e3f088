import { type Digest, isLongwaveError } from '../../protocol/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import { GenerationStore } from '../generations/index.ts'
import { keepRepeater } from '../repeaters/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { healOverlay } from './heal-overlay.ts'
import { dataDirectory } from './data-directory.ts'
import { type LaidOverlay, layOverlay, overlayStore, withOverlay } from './lay-overlay.ts'
import { removeReply, saveReply, verifyReply } from './reply-file.ts'
import { extrasOf, type HeldExtras, heldManifest } from './request-memory.ts'
import { askForHead, type Exchanged, type ReceivedAnswer } from './update-exchange.ts'

export interface FinishOptions extends OperationOptions {
  /** The release that lies here after the update. */
  readonly release: number
  readonly isCheck: boolean
  /** Whether what lies here is looked at as well, as a named update does. */
  readonly isThorough: boolean
  /** The overlay that was laid over a release that has just been fetched. */
  readonly laid: LaidOverlay | undefined
}

/**
 * What comes after the release lies here: the reply and the overlay of the plug-in, and a request
 * for them when the release has just brought a plug-in along. The update has succeeded already;
 * what goes wrong here is a warning.
 */
export async function finishExchange(
  context: TunerContext,
  subscription: Subscription,
  exchanged: Exchanged,
  options: FinishOptions,
): Promise<readonly string[]> {
  if (options.isCheck) return []
  const before = await context.requests.find(subscription.id)
  let extras = await extrasOf(context, subscription, options.release)
  if (options.laid !== undefined) extras = withOverlay(extras, options.laid)
  let { answer, failure } = exchanged
  try {
    if (extras.hasPlugin && answer === undefined && failure === undefined) {
      const ask = { ...options, etag: undefined, mustExist: true, extras }
      const again = await askForHead(context, subscription, ask)
      answer = again.answer
      failure = again.failure
    }
    extras = await takeReply(context, subscription, answer, extras)
    extras = await takeOverlay(context, subscription, { ...options, answer, extras })
    if (answer?.repeater !== undefined) {
      await keepRepeater(context, subscription, answer.repeater)
    }
  } catch (error) {
    options.signal?.throwIfAborted()
    failure = error
  }
  if (JSON.stringify(extras) !== JSON.stringify(before)) {
    await context.requests.save(subscription.id, extras)
  }
  return failure === undefined ? [] : [warningOf(failure)]
}

function warningOf(failure: unknown): string {
  const code = isLongwaveError(failure) ? failure.code : 'LW_INTERNAL'
  const text = failure instanceof Error ? failure.message : String(failure)
  return `The back channel waits for the next update: ${text} (${code})`
}

/** Replaces or removes the reply in the channel's own data. @throws LW_UPDATE_REPLY */
async function takeReply(
  context: TunerContext,
  subscription: Subscription,
  answer: ReceivedAnswer | undefined,
  extras: HeldExtras,
): Promise<HeldExtras> {
  const directory = dataDirectory(context, subscription)
  const { reply: held, ...rest } = extras
  if (answer?.reply === null || (!extras.hasPlugin && held !== undefined)) {
    await removeReply(context.fs, directory)
    return rest
  }
  if (answer?.reply === undefined || !extras.hasPlugin) return extras
  const key = (await heldManifest(context, subscription))?.manifest.plugin?.key
  if (key === undefined) return extras
  const data = verifyReply(answer.reply, {
    channel: subscription.channel,
    tuner: answer.tuner,
    request: answer.replyRequest ?? answer.request,
    key,
  })
  const sha256 = answer.reply.sha256 as Digest
  const { type } = answer.reply
  await saveReply(context.fs, directory, { type, sha256, data, nowMs: context.clock.now() })
  context.liveUsers.tell(subscription.id, { type: 'reply' })
  return { ...rest, reply: sha256 }
}

/**
 * Lays the overlay over the release that is current and shows it; a running channel is told and
 * keeps what it has until it installs that.
 * @throws LW_UPDATE_OVERLAY, transfer errors
 */
async function takeOverlay(
  context: TunerContext,
  subscription: Subscription,
  received: FinishOptions & {
    readonly answer: ReceivedAnswer | undefined
    readonly extras: HeldExtras
  },
): Promise<HeldExtras> {
  const { answer, extras } = received
  if (subscription.into !== undefined) return extras
  if (answer?.overlay === undefined && extras.overlay === undefined) return extras
  const directory = context.subscriptions.directoryOf(subscription.id)
  const store = new GenerationStore({ fs: context.fs, directory })
  const generation = await store.usableCurrent()
  if (generation === undefined) return extras
  // One that was laid over a release that is not shown yet waits with it.
  if (extras.overlay !== undefined && extras.overlay.release > generation.release) return extras
  const laid = await layOverlay(context, subscription, { ...received, generation })
  const wanted = laid === undefined || laid.isEmpty ? undefined : laid.serial
  const shown = await store.currentOverlay()
  if (wanted !== shown) {
    const { release } = generation
    if (context.liveUsers.isLive(subscription.id)) {
      context.liveUsers.tell(subscription.id, { type: 'update', release, from: release })
    } else await store.switchTo(generation.name, wanted)
    await tidyOverlays(context, subscription, store)
  } else if (shown !== undefined && received.isThorough) {
    const isSound = await overlayStore(context, subscription).isVouchedFor(generation, shown)
    if (!isSound) {
      const isThere = await healOverlay(context, subscription, { store, generation, serial: shown })
      if (!isThere) return withOverlay(extras, undefined)
    }
  }
  return withOverlay(extras, laid)
}

/** Keeps the newest overlay of each release that lies here. */
async function tidyOverlays(
  context: TunerContext,
  subscription: Subscription,
  generations: GenerationStore,
): Promise<void> {
  const overlays = overlayStore(context, subscription)
  const kept = new Map<string, number | undefined>()
  for (const release of await generations.releases()) {
    const name = (await generations.load(release).catch(() => undefined))?.name
    if (name !== undefined) kept.set(name, await overlays.serialOver(name))
  }
  const shown = await generations.currentOverlay()
  await overlays.prune((name, serial) => kept.get(name) === serial || serial === shown)
}
