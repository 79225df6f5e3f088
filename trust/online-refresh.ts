import type { Digest } from '../protocol/index.ts'
import { trustError } from './errors.ts'
import {
  type RefreshTime,
  requireFreshRoot,
  requireFreshSnapshot,
  requireFreshTargets,
  requireFreshTimestamp,
} from './freshness.ts'
import { type MetadataSource, fetchRequired, parseFetched } from './metadata-source.ts'
import {
  type FileReference,
  type SnapshotFile,
  type TimestampFile,
  isReferenced,
  parseSnapshot,
  parseTimestamp,
  requireReferenced,
} from './online-metadata.ts'
import { wrongChannel } from './root-walk.ts'
import { type RoleName, type SignedFile, bytesMaxOf } from './signed-file.ts'
import { type TargetsFile, parseTargets } from './targets-metadata.ts'
import { type OpenTrustState, type TrustState, openTrustState } from './trust-state.ts'
import { verifySignatures } from './verify-signatures.ts'

/** The three files below a root, verified together. */
export interface VerifiedHead {
  readonly timestamp: TimestampFile
  readonly snapshot: SnapshotFile
  readonly targets: TargetsFile
}

export type HeadAnswer = { readonly kind: 'head'; readonly head: VerifiedHead } | LaggingAnswer

/** The source is a mirror whose valid timestamp is older than the one that is known. */
interface LaggingAnswer {
  readonly kind: 'lagging'
}

/** How a head is judged. */
export interface HeadRules {
  /** The caller signs the root and the targets: their end is its to mend, not a refusal. */
  readonly mayRenew?: boolean | undefined
}

interface Walk {
  readonly channelId: Digest
  readonly stored: OpenTrustState
  readonly source: MetadataSource
  readonly time: RefreshTime
  readonly mayRenew: boolean
}

/**
 * TUF 5.4 to 5.6: timestamp, snapshot and targets of a trusted state. Everything is verified before
 * anything is returned, and nothing is stored here.
 */
export async function fetchHead(
  ...[state, source, time, rules = {}]: [TrustState, MetadataSource, RefreshTime, HeadRules?]
): Promise<HeadAnswer> {
  const stored = openTrustState(state)
  const mayRenew = rules.mayRenew === true
  const walk = { channelId: state.channelId, stored, source, time, mayRenew }
  if (!mayRenew) requireFreshRoot(stored.root, time)
  const timestamp = await fetchTimestamp(walk)
  if (timestamp === undefined) return { kind: 'lagging' }
  // What the timestamp proved of the time holds for the rest of this refresh.
  const nowMs = Math.max(time.nowMs, timestamp.view.issuedMs)
  const later = { ...walk, time: { ...time, nowMs } }
  if (!mayRenew) requireFreshRoot(stored.root, later.time)
  const snapshot = await fetchSnapshot(later, timestamp)
  const targets = await fetchTargets(later, snapshot)
  requireRelease(state, stored.targets, targets)
  return { kind: 'head', head: { timestamp, snapshot, targets } }
}

/** Undefined when a mirror lags. */
async function fetchTimestamp(walk: Walk): Promise<TimestampFile | undefined> {
  const { source, stored } = walk
  // 5.4.1: its length is not known beforehand.
  const name = 'timestamp.json'
  const sent = await fetchRequired(source, name, bytesMaxOf('timestamp'))
  const fetched = parseFetched(source, name, () => parseTimestamp(sent))
  // 5.4.2: the signature, and ours: the channel id, before anything is compared or kept.
  requireRole(walk, 'timestamp', fetched)
  const known = stored.timestamp
  const isOlder = known !== undefined && fetched.view.version < known.view.version
  if (isOlder && source.mirror === true) return undefined
  // 5.4.3.1: never back. An equal version is discarded without an error, whatever it says.
  if (isOlder) throw rollback('timestamp', fetched.view.version, known.view.version)
  const isNews = known === undefined || fetched.view.version > known.view.version
  const timestamp = isNews ? fetched : known
  // 5.4.3.2: the snapshot that it names never goes back either.
  if (known !== undefined && timestamp.view.snapshot.version < known.view.snapshot.version) {
    const { version } = timestamp.view.snapshot
    throw rollback('snapshot', version, known.view.snapshot.version)
  }
  // 5.4.4: freeze.
  requireFreshTimestamp(timestamp, walk.time, { isNews, dateMs: source.dateMs?.() })
  return timestamp
}

async function fetchSnapshot(walk: Walk, timestamp: TimestampFile): Promise<SnapshotFile> {
  const { snapshot: reference } = timestamp.view
  // 5.5.1, 5.5.2: the very bytes that the timestamp vouches for.
  const bytes = await fetchReferenced(walk, 'snapshot', reference, walk.stored.snapshot)
  const name = `${reference.version}.snapshot.json`
  const snapshot = parseFetched(walk.source, name, () => parseSnapshot(bytes))
  // 5.5.3: signature.
  requireRole(walk, 'snapshot', snapshot)
  // 5.5.4: version as named.
  requireVersion(snapshot, reference)
  // 5.5.5: no targets file goes back or vanishes; `targets.json` is the only one there is.
  const known = Math.max(
    walk.stored.snapshot?.view.targets.version ?? 0,
    walk.stored.targets?.view.version ?? 0,
  )
  // After a rotation of the publisher keys only what they still vouch for is a floor.
  const floor = walk.stored.targets === undefined ? 0 : known
  if (snapshot.view.targets.version < floor) {
    throw rollback('targets', snapshot.view.targets.version, floor)
  }
  // 5.5.6: freeze.
  requireFreshSnapshot(snapshot, walk.time)
  return snapshot
}

async function fetchTargets(walk: Walk, snapshot: SnapshotFile): Promise<TargetsFile> {
  const { targets: reference } = snapshot.view
  // 5.6.1, 5.6.2: the very bytes that the snapshot vouches for.
  const bytes = await fetchReferenced(walk, 'targets', reference, walk.stored.targets)
  const name = `${reference.version}.targets.json`
  const targets = parseFetched(walk.source, name, () => parseTargets(bytes))
  // 5.6.3: signature.
  requireRole(walk, 'targets', targets)
  // 5.6.4: version as named.
  requireVersion(targets, reference)
  // 5.6.5: freeze.
  if (!walk.mayRenew) requireFreshTargets(targets, walk.time)
  return targets
}

/** A file under its versioned name, or the stored one when that is the one meant. */
async function fetchReferenced(
  walk: Walk,
  role: RoleName,
  reference: FileReference,
  stored: SignedFile | undefined,
): Promise<Uint8Array> {
  if (stored !== undefined && isReferenced(reference, stored.bytes)) return stored.bytes
  const name = `${reference.version}.${role}.json`
  const bytes = await fetchRequired(walk.source, name, reference.bytes)
  requireReferenced(reference, bytes, name)
  return bytes
}

function requireRole(
  walk: Walk,
  role: Exclude<RoleName, 'root'>,
  file: SignedFile & { readonly view: { readonly channelId: Digest } },
): void {
  if (file.view.channelId !== walk.channelId) {
    throw wrongChannel(walk.channelId, file.view.channelId)
  }
  verifySignatures(file, [walk.stored.root.view.roles[role]])
}

function requireVersion(file: SignedFile, reference: FileReference): void {
  if (file.view.version === reference.version) return
  throw trustError('LW_TRUST_MIX_AND_MATCH', {
    detail: `${file.role} is version ${file.view.version}, and ${reference.version} was vouched for.`,
  })
}

/** Ours: releases never go back, through any change of the online key; and a number is used once. */
function requireRelease(
  state: TrustState,
  known: TargetsFile | undefined,
  targets: TargetsFile,
): void {
  const { release, sha256 } = targets.view.head
  if (release < state.highestRelease) throw rollback('release', release, state.highestRelease)
  const before = known?.view.head
  if (before !== undefined && before.release === release && before.sha256 !== sha256) {
    throw trustError('LW_TRUST_RELEASE_CHANGED', {
      detail: `Release ${release} was ${before.sha256} and is now ${sha256}.`,
      members: { release, before: before.sha256, now: sha256 },
    })
  }
}

function rollback(what: RoleName | 'release', found: number, known: number): Error {
  return trustError('LW_TRUST_ROLLBACK', {
    detail: `The source offers ${what} ${found}; ${known} was verified before.`,
    members: { what, found, known },
  })
}
