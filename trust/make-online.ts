import { MetaFile, Snapshot, Timestamp } from '@tufjs/models'
import { type Digest, digestOf } from '../protocol/index.ts'
import type { Signer } from './ed25519.ts'
import { requireTime, specVersion } from './make-root.ts'
import { parseSnapshot, parseTimestamp } from './online-metadata.ts'
import { writeSignedFile } from './signed-file.ts'
import { parseTargets } from './targets-metadata.ts'
import { timeText } from './times.ts'

interface OnlineOptions {
  readonly version: number
  readonly channelId: Digest
  /** RFC 3339, UTC, whole seconds. */
  readonly expires: string
  readonly signer: Signer
}

/** Makes a snapshot that vouches for a targets file. */
export function createSnapshot(
  options: OnlineOptions & { readonly targets: Uint8Array },
): Uint8Array {
  requireTime(options.expires)
  const { version } = parseTargets(options.targets).view
  const signed = new Snapshot({
    version: options.version,
    specVersion,
    expires: options.expires,
    meta: { 'targets.json': reference(version, options.targets) },
    unrecognizedFields: { channel: options.channelId },
  })
  const bytes = writeSignedFile(signed, [options.signer])
  parseSnapshot(bytes)
  return bytes
}

/** Makes a timestamp that vouches for a snapshot and says when it was issued (RFC 3339). */
export function createTimestamp(
  options: OnlineOptions & { readonly snapshot: Uint8Array; readonly issued: string },
): Uint8Array {
  requireTime(options.expires)
  requireTime(options.issued)
  const { version } = parseSnapshot(options.snapshot).view
  const signed = new Timestamp({
    version: options.version,
    specVersion,
    expires: options.expires,
    snapshotMeta: reference(version, options.snapshot),
    unrecognizedFields: { channel: options.channelId, issued: options.issued },
  })
  const bytes = writeSignedFile(signed, [options.signer])
  parseTimestamp(bytes)
  return bytes
}

function reference(version: number, bytes: Uint8Array): MetaFile {
  return new MetaFile({ version, length: bytes.byteLength, hashes: { sha256: digestOf(bytes) } })
}

export interface RenewOnlineOptions {
  readonly channelId: Digest
  /** The head's targets file, new or as it was. */
  readonly targets: Uint8Array
  /** The pair that is replaced; without it both start at version 1. */
  readonly previous?: { readonly snapshot: Uint8Array; readonly timestamp: Uint8Array }
  /** Milliseconds since 1970. */
  readonly nowMs: number
  readonly lifetimeMs: number
  readonly signer: Signer
}

/** A snapshot and a timestamp that belong together. */
export interface OnlinePair {
  readonly snapshot: Uint8Array
  readonly snapshotVersion: number
  readonly timestamp: Uint8Array
  readonly timestampVersion: number
  /** RFC 3339; the end of both. */
  readonly expires: string
}

/**
 * Signs snapshot and timestamp anew, one version up: after every commit, and daily so that they do
 * not expire. The caller replaces the pair by compare-and-set, timestamp last (TUF 6.2).
 */
export function renewOnline(options: RenewOnlineOptions): OnlinePair {
  const { channelId, signer, previous } = options
  const snapshotVersion = previous ? parseSnapshot(previous.snapshot).view.version + 1 : 1
  const timestampVersion = previous ? parseTimestamp(previous.timestamp).view.version + 1 : 1
  const issued = timeText(options.nowMs)
  const expires = timeText(options.nowMs + options.lifetimeMs)
  const common = { channelId, expires, signer }
  const snapshot = createSnapshot({
    ...common,
    version: snapshotVersion,
    targets: options.targets,
  })
  const timestamp = createTimestamp({ ...common, version: timestampVersion, snapshot, issued })
  return { snapshot, snapshotVersion, timestamp, timestampVersion, expires }
}
