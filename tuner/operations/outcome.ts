import type { Route } from '../../mirroring/index.ts'
import { isLongwaveError, LongwaveError } from '../../protocol/index.ts'
import type { ReleaseTarget } from '../../trust/index.ts'
import type { TunerContext } from '../context.ts'
import type { LocalChange } from '../folders/index.ts'
import type { Damage } from '../generations/index.ts'
import type { Failure, Subscription, SubscriptionStatus } from '../subscriptions/index.ts'
import type { ChangeCount } from '../updates/index.ts'
import { operationLimits as limits } from './limits.ts'

/** What became of one subscription. */
export interface UpdateResult {
  readonly subscription: Subscription
  readonly outcome:
    | 'updated'
    | 'unchanged'
    | 'healed'
    | 'available'
    | 'held'
    | 'paused'
    | 'ended'
    /** A rollout lets this tuner in later. */
    | 'waiting'
    /** The release lies ready; the running channel installs it, or quits first. */
    | 'deferred'
  readonly from: number
  readonly to: number
  readonly label?: string
  readonly changes?: ChangeCount
  readonly route?: Route
  readonly considered?: readonly Route[]
  readonly brokenRoutes?: number
  /** Files that were built from differences of their own, outside bundles. */
  readonly differences?: number
  readonly bytes: {
    readonly metadata: number
    readonly manifest: number
    readonly bundle: number
    readonly objects: number
  }
  readonly localChanges?: readonly LocalChange[]
  readonly healed?: readonly Damage[]
  /** With `waiting`: when it is this tuner's turn, RFC 3339. */
  readonly turnAt?: string
  readonly durationMs: number
  readonly trustOnFirstUse: boolean
  readonly warnings: readonly string[]
}

/** Notes what an update did in the history. */
export async function noteSuccess(context: TunerContext, result: UpdateResult): Promise<void> {
  if (result.outcome !== 'updated' && result.outcome !== 'healed') return
  const { from, to, bytes, durationMs } = result
  const text = result.outcome === 'healed' ? `Mended release ${to}.` : `Release ${from} to ${to}.`
  await context.history.add({
    subscription: result.subscription.id,
    event: result.outcome,
    text,
    members: { from, to, bytes, durationMs },
  })
}

/**
 * Notes a failure and when it is tried again. A row of the same failures is one entry of the
 * history.
 */
export async function noteFailure(
  context: TunerContext,
  subscription: Subscription,
  error: unknown,
): Promise<void> {
  const status = await context.history.status(subscription.id)
  const nowMs = context.clock.now()
  const at = new Date(nowMs).toISOString()
  const code = isLongwaveError(error) ? error.code : 'LW_INTERNAL'
  const message = error instanceof Error ? error.message : String(error)
  const count = (status.failure?.count ?? 0) + 1
  const failure: Failure = {
    at,
    since: status.failure?.since ?? at,
    code,
    message,
    count,
    retryMs: nowMs + retryDelayMs(context, { count, isRetryable: isRetryable(error) }),
  }
  const asked = isLongwaveError(error) ? error.retryAfterSeconds : undefined
  const { notBeforeMs: _notBefore, ...rest } = status
  await context.history.setStatus(subscription.id, {
    ...rest,
    checkedAt: at,
    failure,
    ...(asked === undefined ? {} : { notBeforeMs: nowMs + asked * 1000 }),
  })
  if (count === 1 || status.failure?.code !== code) {
    await context.history.add({
      subscription: subscription.id,
      event: 'failed',
      text: message,
      members: { code },
    })
  }
}

function isRetryable(error: unknown): boolean {
  return !(error instanceof LongwaveError) || error.retryable
}

/** Exponential backoff with full jitter: a fleet that failed together does not return together. */
function retryDelayMs(
  context: TunerContext,
  failure: { readonly count: number; readonly isRetryable: boolean },
): number {
  const [baseMs, capMs] = failure.isRetryable
    ? [limits.retryBaseMs, limits.retryCapMs]
    : [limits.refusedRetryBaseMs, limits.refusedRetryCapMs]
  const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(failure.count - 1, 20))
  const chance = Buffer.from(context.randomness.bytes(4)).readUInt32BE() / 2 ** 32
  return Math.max(limits.retryFloorMs, Math.round(chance * ceiling))
}

/** The status after an answer of the channel: no failure stands any more. */
export function statusAfter(
  status: SubscriptionStatus,
  answer: {
    readonly nowMs: number
    readonly head: ReleaseTarget
    readonly etag: string | undefined
  },
): SubscriptionStatus {
  const { failure: _failure, notBeforeMs: _notBefore, turnMs: _turn, ...sound } = status
  const at = new Date(answer.nowMs).toISOString()
  return {
    ...sound,
    checkedAt: at,
    succeededAt: at,
    headRelease: answer.head.release,
    ended: answer.head.ended === true,
    ...(answer.etag === undefined ? {} : { etag: answer.etag }),
  }
}
