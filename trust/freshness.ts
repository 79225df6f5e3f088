import { trustError } from './errors.ts'
import { lifetimesMs } from './limits.ts'
import type { SnapshotFile, TimestampFile } from './online-metadata.ts'
import type { RootFile } from './root-metadata.ts'
import type { TargetsFile } from './targets-metadata.ts'
import { timeText } from './times.ts'

/** The time of one refresh, fixed at its start (TUF 5.1). */
export interface RefreshTime {
  /** This machine's clock. */
  readonly clockMs: number
  /** The clock, or the time floor where the clock is behind it: what expiry is judged by. */
  readonly nowMs: number
}

/** Fixes the time: a clock behind what a verified timestamp proved is not believed. */
export function refreshTime(clockMs: number, timeFloorMs: number): RefreshTime {
  return { clockMs, nowMs: Math.max(clockMs, timeFloorMs) }
}

/** TUF 5.3.10. @throws LW_TRUST_EXPIRED_ROOT */
export function requireFreshRoot(root: RootFile, time: RefreshTime): void {
  if (time.nowMs < root.view.expiresMs) return
  throw trustError('LW_TRUST_EXPIRED_ROOT', {
    detail: `Root ${root.view.version} ended at ${root.view.expires}.`,
    members: { version: root.view.version, expires: root.view.expires },
    next: 'The publisher signs a new root with the recovery key: "longwave key rotate".',
  })
}

/** TUF 5.6.5. @throws LW_TRUST_EXPIRED_TARGETS */
export function requireFreshTargets(targets: TargetsFile, time: RefreshTime): void {
  if (time.nowMs < targets.view.expiresMs) return
  throw trustError('LW_TRUST_EXPIRED_TARGETS', {
    detail: `The signature of release ${targets.view.head.release} ended at ${targets.view.expires}.`,
    members: { release: targets.view.head.release, expires: targets.view.expires },
    next: 'The publisher publishes again.',
  })
}

export interface FreshnessEvidence {
  /** Whether this timestamp is newer than any that was verified before. */
  readonly isNews: boolean
  /** The source's own time, when it gave one. */
  readonly dateMs: number | undefined
}

/**
 * TUF 5.4.4. An expired timestamp means "no update". When it is fresh all the same (by the source's
 * time, or because it is news) and this machine's clock is more than a day beyond its end, the
 * clock is the likelier culprit, and both times are told.
 * @throws LW_TRUST_FROZEN, LW_TRUST_CLOCK_WRONG
 */
export function requireFreshTimestamp(
  timestamp: TimestampFile,
  time: RefreshTime,
  evidence: FreshnessEvidence,
): void {
  const { issued, expires, expiresMs } = timestamp.view
  if (time.nowMs < expiresMs) return
  const isFresh = evidence.dateMs === undefined ? evidence.isNews : evidence.dateMs < expiresMs
  const clock = timeText(time.clockMs)
  const members = { issued, expires, clock, staleSince: expires }
  const detail = `It was issued at ${issued} and ended at ${expires}; this machine's clock says ${clock}.`
  const untouched = 'Nothing was updated; what is installed stays in use.'
  if (isFresh && time.clockMs - expiresMs > lifetimesMs.clockSlack) {
    const next = "Set this machine's clock, then run the command again."
    throw trustError('LW_TRUST_CLOCK_WRONG', { detail, members, untouched, next })
  }
  throw trustError('LW_TRUST_FROZEN', { detail, members, untouched })
}

/** TUF 5.5.6: a snapshot comes from the same online key, and its end means the same. */
export function requireFreshSnapshot(snapshot: SnapshotFile, time: RefreshTime): void {
  const { expires, expiresMs } = snapshot.view
  if (time.nowMs < expiresMs) return
  const clock = timeText(time.clockMs)
  throw trustError('LW_TRUST_FROZEN', {
    detail: `The snapshot ended at ${expires}; this machine's clock says ${clock}.`,
    members: { expires, clock, staleSince: expires },
    untouched: 'Nothing was updated; what is installed stays in use.',
  })
}

/** Something that works today and needs a person soon. */
export interface TrustWarning {
  readonly kind: 'root-expiring' | 'targets-expiring' | 'clock-behind'
  /** When the file ends, or what the newest timestamp says the time at least is: RFC 3339. */
  readonly at: string
  /** One sentence for the reader. */
  readonly says: string
}

/** What a successful refresh still has to say. */
export function warningsOf(
  files: { readonly root: RootFile; readonly targets: TargetsFile },
  time: RefreshTime,
): readonly TrustWarning[] {
  const warnings: TrustWarning[] = []
  const { root, targets } = files
  if (root.view.expiresMs - time.nowMs < lifetimesMs.warning) {
    const at = root.view.expires
    warnings.push({ kind: 'root-expiring', at, says: `The channel's root ends at ${at}.` })
  }
  if (targets.view.expiresMs - time.nowMs < lifetimesMs.warning) {
    const at = targets.view.expires
    const says = `The publisher's signature on the release ends at ${at}.`
    warnings.push({ kind: 'targets-expiring', at, says })
  }
  if (time.nowMs - time.clockMs > lifetimesMs.clockSlack) {
    const at = timeText(time.nowMs)
    const says = `This machine's clock says ${timeText(time.clockMs)}, but it is at least ${at}.`
    warnings.push({ kind: 'clock-behind', at, says })
  }
  return warnings
}
