import { type Digest, digestOf, isDigest } from '../protocol/index.ts'
import { trustError } from './errors.ts'
import {
  type RoleName,
  type SignedFile,
  type SignedView,
  bytesMaxOf,
  parseSignedFile,
} from './signed-file.ts'
import { type StrictRecord, exactRecord, integerOf, malformed } from './strict-record.ts'
import { parseTime } from './times.ts'

/** What snapshot and timestamp say of the one file that they vouch for (TUF 4.4). */
export interface FileReference {
  readonly version: number
  readonly bytes: number
  readonly sha256: Digest
}

export interface SnapshotView extends SignedView {
  readonly channelId: Digest
  readonly targets: FileReference
}

export interface TimestampView extends SignedView {
  readonly channelId: Digest
  readonly snapshot: FileReference
  /** When it was signed, by the signer's clock. */
  readonly issued: string
  readonly issuedMs: number
}

export type SnapshotFile = SignedFile<SnapshotView>
export type TimestampFile = SignedFile<TimestampView>

/** @throws LW_FORMAT_JSON, LW_FORMAT_DOCUMENT, LW_FORMAT_TOO_LARGE */
export function parseSnapshot(bytes: Uint8Array): SnapshotFile {
  return parseSignedFile(bytes, 'snapshot', (signed, common) => ({
    ...common,
    channelId: readChannel('snapshot', signed),
    targets: readReference('snapshot', signed, 'targets'),
  }))
}

/** @throws LW_FORMAT_JSON, LW_FORMAT_DOCUMENT, LW_FORMAT_TOO_LARGE */
export function parseTimestamp(bytes: Uint8Array): TimestampFile {
  return parseSignedFile(bytes, 'timestamp', (signed, common) => {
    const issuedMs = parseTime(signed['issued'])
    if (issuedMs === undefined) throw malformed('timestamp', 'issued is not YYYY-MM-DDTHH:MM:SSZ')
    if (issuedMs >= common.expiresMs) throw malformed('timestamp', 'it expires before it is issued')
    return {
      ...common,
      channelId: readChannel('timestamp', signed),
      snapshot: readReference('timestamp', signed, 'snapshot'),
      issued: signed['issued'] as string,
      issuedMs,
    }
  })
}

function readChannel(role: RoleName, signed: StrictRecord): Digest {
  const channelId = signed['channel']
  if (!isDigest(channelId)) throw malformed(role, 'channel is not a channel id')
  return channelId
}

function readReference(role: RoleName, signed: StrictRecord, to: RoleName): FileReference {
  const name = `${to}.json`
  const meta = exactRecord(role, 'meta', signed['meta'], { required: [name] })
  // TUF 4.4 leaves length and hashes out at will; here they always stand, and as SHA-256 only.
  const reference = exactRecord(role, name, meta[name], {
    required: ['hashes', 'length', 'version'],
  })
  const hashes = exactRecord(role, 'hashes', reference['hashes'], { required: ['sha256'] })
  const sha256 = hashes['sha256']
  if (!isDigest(sha256)) throw malformed(role, 'sha256 is not a digest')
  return {
    version: integerOf(role, 'version', reference['version'], { min: 1 }),
    bytes: integerOf(role, 'length', reference['length'], { min: 1, max: bytesMaxOf(to) }),
    sha256,
  }
}

/** Whether bytes are the ones that a snapshot or timestamp vouches for. */
export function isReferenced(reference: FileReference, bytes: Uint8Array): boolean {
  return bytes.byteLength === reference.bytes && digestOf(bytes) === reference.sha256
}

/**
 * TUF 5.5.2, 5.6.2: the file must be the very one that was vouched for.
 * @throws LW_TRUST_MIX_AND_MATCH
 */
export function requireReferenced(reference: FileReference, bytes: Uint8Array, name: string): void {
  if (isReferenced(reference, bytes)) return
  throw trustError('LW_TRUST_MIX_AND_MATCH', {
    detail: `${name} is not the file that was vouched for.`,
    members: { file: name },
  })
}
