import { headOf, loadTrustState } from '../../trust/index.ts'
import type { TunerContext } from '../context.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { overlayStore } from '../update-requests/index.ts'
import { generationStore, inTurn } from './recover.ts'

export interface InstallResult {
  readonly from: number
  readonly to: number
  /** Where the files lie now. */
  readonly location: string
}

/**
 * Switches to the release, and to the overlay, that an update left ready because the channel was
 * running. The running channel keeps the files that it was started with as long as it runs.
 */
export function install(context: TunerContext, subscription: Subscription): Promise<InstallResult> {
  return inTurn(context, subscription, async (latest) => {
    const store = generationStore(context, latest)
    const current = await store.usableCurrent()
    const from = current?.release ?? 0
    const state = await loadTrustState(context.fs, context.subscriptions.trustFile(latest.id))
    const head = state === undefined ? undefined : headOf(state)
    const isHeld = latest.hold !== undefined && (head?.release ?? 0) <= latest.hold.beyond
    const ready = head === undefined || isHeld ? undefined : await store.usable(head.release)
    const target = ready?.record.manifest === head?.sha256 ? ready : current
    if (target === undefined) return { from, to: from, location: store.currentLink }
    const extras = await context.requests.find(latest.id)
    const overlay = extras?.overlay
    const isOver = overlay?.release === target.release && overlay.isEmpty !== true
    const laid = await overlayStore(context, latest).serialOver(target.name)
    const serial = isOver && laid === overlay.serial ? laid : undefined
    const shown = await store.currentOverlay()
    if (target.name !== current?.name || serial !== shown) {
      await store.switchTo(target.name, serial)
      await note(context, latest, { from, to: target.release })
    }
    return { from, to: target.release, location: store.currentLink }
  })
}

async function note(
  context: TunerContext,
  subscription: Subscription,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  const { history, liveUsers, clock } = context
  const { installed: _installed, ...status } = await history.status(subscription.id)
  const updatedAt = new Date(clock.now()).toISOString()
  await history.setStatus(subscription.id, { ...status, updatedAt })
  await history.add({
    subscription: subscription.id,
    event: 'updated',
    text: `Release ${from} to ${to}, for which the running channel was waited.`,
    members: { from, to },
  })
  liveUsers.tell(subscription.id, { type: 'installed', release: to, from })
}
