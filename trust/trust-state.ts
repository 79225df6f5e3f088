import {
  type Digest,
  type Json,
  canonicalJson,
  digestOf,
  isDigest,
  parseCanonicalJson,
} from '../protocol/index.ts'
import { trustError } from './errors.ts'
import { limits } from './limits.ts'
import {
  type SnapshotFile,
  type TimestampFile,
  parseSnapshot,
  parseTimestamp,
  requireReferenced,
} from './online-metadata.ts'
import { type RootFile, parseRoot } from './root-metadata.ts'
import { type StrictRecord, exactRecord, integerOf, malformed } from './strict-record.ts'
import { type ReleaseTarget, type TargetsFile, parseTargets } from './targets-metadata.ts'
import { parseTime, timeText } from './times.ts'

/**
 * How a channel came to be trusted: by a fingerprint that the person had, or by one that came from
 * the channel's own host.
 */
export type FirstUse = 'pinned' | 'trust-on-first-use'

/** What was verified of one channel; a value that never changes, replaced as a whole. */
export interface TrustState {
  readonly channelId: Digest
  readonly firstUse: FirstUse
  /** The newest verified root. */
  readonly root: Uint8Array
  /** The newest verified pair; gone after a rotation of the online key until the next refresh. */
  readonly timestamp: Uint8Array | undefined
  readonly snapshot: Uint8Array | undefined
  /** The newest verified targets; gone only after a rotation of the publisher keys. */
  readonly targets: Uint8Array | undefined
  /** The highest release that was verified; 0 before the first. It goes with `targets` only. */
  readonly highestRelease: number
  /** The greatest time at which a verified timestamp was issued, in milliseconds; 0 before one. */
  readonly timeFloorMs: number
}

/** A state with its documents parsed. */
export interface OpenTrustState {
  readonly root: RootFile
  readonly timestamp: TimestampFile | undefined
  readonly snapshot: SnapshotFile | undefined
  readonly targets: TargetsFile | undefined
}

// States never change, so what was parsed of one stays true as long as it lives.
const opened = new WeakMap<TrustState, OpenTrustState>()

/** Parses the documents of a state, once. @throws LW_FORMAT_JSON, LW_FORMAT_DOCUMENT */
export function openTrustState(state: TrustState): OpenTrustState {
  const known = opened.get(state)
  if (known !== undefined) return known
  const open = {
    root: parseRoot(state.root),
    timestamp: state.timestamp && parseTimestamp(state.timestamp),
    snapshot: state.snapshot && parseSnapshot(state.snapshot),
    targets: state.targets && parseTargets(state.targets),
  }
  opened.set(state, open)
  return open
}

/** What is verified to be the head, fresh or not: all that heal and launch need. */
export function headOf(state: TrustState): ReleaseTarget | undefined {
  return openTrustState(state).targets?.view.head
}

/** The version of the newest verified root, as links carry it. */
export function rootVersionOf(state: TrustState): number {
  return openTrustState(state).root.view.version
}

const format = 'longwave-trust-1'

/** One canonical JSON document with a checksum of its own. */
export function encodeTrustState(state: TrustState): Uint8Array {
  const content: Json = {
    channel: state.channelId,
    firstUse: state.firstUse,
    highestRelease: state.highestRelease,
    root: base64(state.root),
    snapshot: base64(state.snapshot),
    targets: base64(state.targets),
    timeFloor: state.timeFloorMs === 0 ? undefined : timeText(state.timeFloorMs),
    timestamp: base64(state.timestamp),
  }
  return Buffer.from(canonicalJson({ format, sha256: checksum(content), state: content }))
}

function checksum(content: Json): Digest {
  return digestOf(canonicalJson(content))
}

function base64(bytes: Uint8Array): string
function base64(bytes: Uint8Array | undefined): string | undefined
function base64(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString('base64')
}

/**
 * Reads a stored state. A damaged one is refused and never read as "nothing is known yet": a fresh
 * start would forget what protects against old releases.
 * @throws LW_TRUST_STATE_DAMAGED
 */
export function parseTrustState(bytes: Uint8Array): TrustState {
  try {
    return readState(bytes)
  } catch (cause) {
    throw stateDamaged('It does not read as it was written.', cause)
  }
}

export function stateDamaged(detail: string, cause?: unknown): Error {
  return trustError('LW_TRUST_STATE_DAMAGED', {
    detail,
    cause,
    untouched: 'Nothing was changed.',
    next: 'Restore it from a backup, or compare the fingerprint and run "longwave trust NAME --replace LINK".',
  })
}

function readState(bytes: Uint8Array): TrustState {
  const value = parseCanonicalJson(bytes, { bytesMax: limits.stateBytesMax })
  const document = exactRecord('trust state', 'the file', value, {
    required: ['format', 'sha256', 'state'],
  })
  if (document['format'] !== format) throw malformed('trust state', 'it has another format')
  if (document['sha256'] !== checksum(document['state'] as Json)) {
    throw malformed('trust state', 'its checksum is wrong')
  }
  const content = exactRecord('trust state', 'state', document['state'], {
    required: ['channel', 'firstUse', 'highestRelease', 'root'],
    optional: ['snapshot', 'targets', 'timeFloor', 'timestamp'],
  })
  const { channel, firstUse } = content
  if (!isDigest(channel)) throw malformed('trust state', 'channel is not a channel id')
  if (firstUse !== 'pinned' && firstUse !== 'trust-on-first-use') {
    throw malformed('trust state', 'firstUse is unknown')
  }
  const state: TrustState = {
    channelId: channel,
    firstUse,
    root: readBytes(content, 'root') ?? new Uint8Array(),
    timestamp: readBytes(content, 'timestamp'),
    snapshot: readBytes(content, 'snapshot'),
    targets: readBytes(content, 'targets'),
    highestRelease: integerOf('trust state', 'highestRelease', content['highestRelease'], {
      min: 0,
    }),
    timeFloorMs: readTimeFloor(content['timeFloor']),
  }
  requireCoherence(state, openTrustState(state))
  return state
}

function readBytes(content: StrictRecord, name: string): Uint8Array | undefined {
  const text = content[name]
  if (text === undefined) return undefined
  const bytes = Buffer.from(String(text), 'base64')
  if (typeof text !== 'string' || bytes.toString('base64') !== text) {
    throw malformed('trust state', `${name} is not Base64`)
  }
  return bytes
}

function readTimeFloor(value: unknown): number {
  if (value === undefined) return 0
  const ms = parseTime(value)
  if (ms === undefined) throw malformed('trust state', 'timeFloor is not a time')
  return ms
}

function requireCoherence(state: TrustState, open: OpenTrustState): void {
  const { timestamp, snapshot, targets } = open
  for (const file of [timestamp, snapshot, targets]) {
    if (file !== undefined && file.view.channelId !== state.channelId) {
      throw malformed('trust state', `its ${file.role} belongs to another channel`)
    }
  }
  if ((timestamp === undefined) !== (snapshot === undefined)) {
    throw malformed('trust state', 'it holds one of timestamp and snapshot')
  }
  if (timestamp !== undefined && snapshot !== undefined) {
    requireReferenced(timestamp.view.snapshot, snapshot.bytes, 'snapshot')
    if (targets !== undefined) requireReferenced(snapshot.view.targets, targets.bytes, 'targets')
  }
  if (state.highestRelease !== (targets?.view.head.release ?? 0)) {
    throw malformed('trust state', 'the highest release is not the one of its targets')
  }
}
