import type { BundleRecord } from '../../store/server-records/index.ts'
import { transmitterLimits as limits } from '../limits.ts'

/**
 * Whether a bundle may still help a tuner: one to the head from a release that may be held, or one
 * from a release to the next that is a step of a chain to the head.
 */
export function isUsefulBundle(
  bundle: Pick<BundleRecord, 'fromRelease' | 'toRelease' | 'state'>,
  channel: { readonly headRelease: number; readonly retained: ReadonlySet<number> },
): boolean {
  const { fromRelease: from, toRelease: to } = bundle
  if (from !== 0 && !channel.retained.has(from)) return false
  if (to === channel.headRelease) return true
  const isStep = from > 0 && to === from + 1 && channel.retained.has(to)
  return isStep && bundle.state === 'ready' && channel.headRelease - to < limits.chainStepsKept
}
