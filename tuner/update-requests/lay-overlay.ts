import { type Digest, digestOf, parseOverlayStatement } from '../../protocol/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import type { Generation } from '../generations/index.ts'
import { fetchOverlayFiles, OverlayStore, verifyOverlay } from '../overlays/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import type { HeldExtras } from './request-memory.ts'
import type { ReceivedAnswer } from './update-exchange.ts'

/** The overlay that a tree of its own lies ready for; `isEmpty` ones need none. */
export type LaidOverlay = NonNullable<HeldExtras['overlay']>

export interface OverlayOptions extends OperationOptions {
  readonly answer: ReceivedAnswer | undefined
  readonly extras: HeldExtras
  /** The release that the overlay is to lie over; its files are what was published. */
  readonly generation: Generation
}

/**
 * Brings the overlay of an answer, and builds the tree that it makes of a release; nothing is
 * switched here. Without news the overlay that this release had before holds.
 * @throws LW_UPDATE_OVERLAY, transfer errors
 */
export async function layOverlay(
  context: TunerContext,
  subscription: Subscription,
  options: OverlayOptions,
): Promise<LaidOverlay | undefined> {
  const { answer, extras, generation } = options
  const { release, name } = generation
  const sent = answer?.overlay
  if (sent === null || subscription.into !== undefined) return undefined
  const store = overlayStore(context, subscription)
  if (sent === undefined || parseOverlayStatement(sent.statement).release !== release) {
    const known = extras.overlay?.release === release ? extras.overlay : undefined
    const isThere = known?.isEmpty === true || (await store.serialOver(name)) === known?.serial
    return isThere ? known : undefined
  }
  const digest = digestOf(sent.statement)
  const last = lastOf(extras)
  const statement = verifyOverlay(
    { ...sent, digest },
    {
      channel: subscription.channel,
      tuner: answer?.tuner ?? '',
      manifest: generation.manifest,
      last,
    },
  )
  const { serial } = statement
  const laid = { statement: digest, serial, release, isEmpty: statement.files.length === 0 }
  if (laid.isEmpty || (await store.serialOver(name)) === serial) return laid
  const staging = store.staging()
  await fetchOverlayFiles(context, subscription, {
    statement,
    ticket: answer?.ticket,
    staging,
    base: generation,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  await store.build({
    base: generation,
    signed: { statement: sent.statement, signature: sent.signature },
    statement,
    staging,
    nowMs: context.clock.now(),
  })
  return laid
}

function lastOf(extras: HeldExtras): { serial: number; statement?: Digest } | undefined {
  const serial = extras.serial
  if (serial === undefined) return undefined
  const isSame = extras.overlay?.serial === serial
  return isSame ? { serial, statement: extras.overlay?.statement as Digest } : { serial }
}

export function overlayStore(context: TunerContext, subscription: Subscription): OverlayStore {
  const directory = context.subscriptions.directoryOf(subscription.id)
  return new OverlayStore({ fs: context.fs, directory })
}

/** The extras with an overlay that was laid; its number is remembered for ever. */
export function withOverlay(extras: HeldExtras, laid: LaidOverlay | undefined): HeldExtras {
  const { overlay: _overlay, ...rest } = extras
  if (laid === undefined) return rest
  return { ...rest, overlay: laid, serial: Math.max(rest.serial ?? 0, laid.serial) }
}
