import type { TunerContext } from '../context.ts'
import { describeSubscription, updateSubscription, type UpdateResult } from '../operations/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { updateLimits } from '../updates/index.ts'
import { inParallel } from '../../store/durable-files/index.ts'

/** How often the clock is looked at at least: sleep and a changed clock are noticed by then. */
const wakeEveryMs = 60_000

/** What the scheduler tells while it works. */
export type SchedulerEvent =
  | { readonly type: 'result'; readonly result: UpdateResult }
  | { readonly type: 'failure'; readonly subscription: Subscription; readonly error: unknown }

/**
 * Runs scheduled updates until the signal. Due times are held from round to round, so that a run
 * that was missed while the machine slept happens once.
 */
export async function runSchedules(
  context: TunerContext,
  options: { readonly signal: AbortSignal; readonly onEvent?: (event: SchedulerEvent) => void },
): Promise<void> {
  const due = new Map<string, { readonly atMs: number; readonly basis: string }>()
  while (!options.signal.aborted) {
    const subscriptions = await context.subscriptions.list()
    let wakeMs = context.clock.now() + wakeEveryMs
    const ready: Subscription[] = []
    for (const subscription of subscriptions) {
      const view = await describeSubscription(context, subscription)
      // A new basis means that something happened: the due time is computed anew.
      const basis = JSON.stringify([
        view.status.checkedAt,
        view.schedule.text,
        subscription.paused,
        view.status.failure?.count,
      ])
      const known = due.get(subscription.id)
      const atMs = known?.basis === basis ? known.atMs : view.nextRunMs
      if (atMs === undefined) {
        due.delete(subscription.id)
        continue
      }
      due.set(subscription.id, { atMs, basis })
      if (atMs <= context.clock.now()) ready.push(subscription)
      else wakeMs = Math.min(wakeMs, atMs)
    }
    if (ready.length > 0) {
      await inParallel(ready, updateLimits.concurrentChannels, (one) => runOne(context, one, options))
      continue
    }
    const sleepMs = Math.max(50, wakeMs - context.clock.now())
    await context.clock.sleep(sleepMs, options.signal).catch(() => undefined)
  }
}

async function runOne(
  context: TunerContext,
  subscription: Subscription,
  options: { readonly signal: AbortSignal; readonly onEvent?: (event: SchedulerEvent) => void },
): Promise<void> {
  try {
    const result = await updateSubscription(context, subscription, {
      scheduled: true,
      signal: options.signal,
    })
    options.onEvent?.({ type: 'result', result })
  } catch (error) {
    if (options.signal.aborted) return
    options.onEvent?.({ type: 'failure', subscription, error })
  }
}
