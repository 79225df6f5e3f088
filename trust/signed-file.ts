import { Metadata, MetadataKind, Signature } from '@tufjs/models'
import {
  type Digest,
  type Json,
  canonicalJson,
  isDigest,
  limits as formatLimits,
  parseCanonicalJson,
} from '../protocol/index.ts'
import { type Signer, signatureBytes } from './ed25519.ts'
import { limits } from './limits.ts'
import {
  type StrictRecord,
  exactRecord,
  malformed,
  openRecord,
  integerOf,
} from './strict-record.ts'
import { parseTime } from './times.ts'

/** The four top-level roles of TUF (TUF 2.1); delegations are not used. */
export type RoleName = 'root' | 'targets' | 'snapshot' | 'timestamp'

/** What the signed parts of all four have in common. */
export interface SignedView {
  readonly version: number
  /** As written; `expiresMs` is the same in milliseconds since 1970. */
  readonly expires: string
  readonly expiresMs: number
}

/** A metadata file whose form was checked, and whose signatures were not. */
export interface SignedFile<View extends SignedView = SignedView> {
  readonly role: RoleName
  readonly bytes: Uint8Array
  readonly view: View
  /** What the signatures cover: the canonical form of `signed` (TUF 4.2.1). */
  readonly signedBytes: Uint8Array
  readonly signatures: ReadonlyMap<Digest, Uint8Array>
}

type AnySigned = ConstructorParameters<typeof Metadata>[0]

const kinds = {
  root: { kind: MetadataKind.Root, bytesMax: formatLimits.rootBytesMax },
  targets: { kind: MetadataKind.Targets, bytesMax: formatLimits.targetsBytesMax },
  snapshot: { kind: MetadataKind.Snapshot, bytesMax: formatLimits.snapshotBytesMax },
  timestamp: { kind: MetadataKind.Timestamp, bytesMax: formatLimits.timestampBytesMax },
} as const

/** The most bytes that a file of a role may have. */
export function bytesMaxOf(role: RoleName): number {
  return kinds[role].bytesMax
}

/**
 * Checks the form of a metadata file. The bytes must be canonical, so that they have one reading;
 * what the TUF models make of them must say the same again, so that nothing is verified in one
 * form and read in another.
 * @throws LW_FORMAT_JSON, LW_FORMAT_DOCUMENT, LW_FORMAT_TOO_LARGE
 */
export function parseSignedFile<View extends SignedView>(
  bytes: Uint8Array,
  role: RoleName,
  read: (signed: StrictRecord, common: SignedView) => View,
): SignedFile<View> {
  const value = parseCanonicalJson(bytes, { bytesMax: kinds[role].bytesMax })
  const envelope = exactRecord(role, 'the file', value, { required: ['signatures', 'signed'] })
  const signatures = readSignatures(role, envelope['signatures'])
  const signed = openRecord(role, 'signed', envelope['signed'], [
    '_type',
    'expires',
    'spec_version',
    'version',
  ])
  if (signed['_type'] !== role) throw malformed(role, '_type names another role')
  const view = read(signed, readCommon(role, signed))
  return {
    role,
    bytes,
    view,
    signatures,
    signedBytes: canonicalSigned(role, value as unknown as Envelope),
  }
}

function readSignatures(role: RoleName, value: unknown): ReadonlyMap<Digest, Uint8Array> {
  if (!Array.isArray(value) || value.length > limits.signaturesMax) {
    throw malformed(role, `signatures is not a list of at most ${limits.signaturesMax}`)
  }
  const signatures = new Map<Digest, Uint8Array>()
  for (const item of value as unknown[]) {
    const signature = exactRecord(role, 'a signature', item, { required: ['keyid', 'sig'] })
    const { keyid, sig } = signature
    if (!isDigest(keyid)) throw malformed(role, 'a keyid is not a SHA-256 digest')
    if (typeof sig !== 'string' || !isHex(sig, signatureBytes)) {
      throw malformed(role, `a signature is not ${signatureBytes} bytes in lower-case hexadecimal`)
    }
    // TUF 4.2: a key id stands once, however often its key signed.
    if (signatures.has(keyid)) throw malformed(role, 'two signatures of one key')
    signatures.set(keyid, Buffer.from(sig, 'hex'))
  }
  return signatures
}

function isHex(text: string, bytes: number): boolean {
  return text.length === bytes * 2 && /^[0-9a-f]*$/.test(text)
}

function readCommon(role: RoleName, signed: StrictRecord): SignedView {
  const { expires, spec_version: specVersion } = signed
  if (typeof specVersion !== 'string' || !/^1\.0\.(0|[1-9]\d{0,3})$/.test(specVersion)) {
    throw malformed(role, 'spec_version is not 1.0.x')
  }
  const expiresMs = parseTime(expires)
  if (expiresMs === undefined) throw malformed(role, 'expires is not YYYY-MM-DDTHH:MM:SSZ')
  const version = integerOf(role, 'version', signed['version'], { min: 1 })
  return { version, expires: expires as string, expiresMs }
}

type ModelJson = Parameters<typeof Metadata.fromJSON>[1]
interface Envelope {
  readonly signed: Json
}

function canonicalSigned(role: RoleName, envelope: Envelope): Uint8Array {
  let metadata: Metadata<AnySigned>
  let bytes: Uint8Array
  try {
    metadata = modelOf(role, envelope as unknown as ModelJson)
    bytes = bytesToSign(metadata.signed)
  } catch (cause) {
    throw malformed(role, 'the TUF format refuses it', cause)
  }
  const seen = canonicalJson(metadata.signed.toJSON())
  if (seen !== canonicalJson(envelope.signed)) throw malformed(role, 'it has two readings')
  return bytes
}

function modelOf(role: RoleName, json: ModelJson): Metadata<AnySigned> {
  switch (role) {
    case 'root':
      return Metadata.fromJSON(MetadataKind.Root, json)
    case 'targets':
      return Metadata.fromJSON(MetadataKind.Targets, json)
    case 'snapshot':
      return Metadata.fromJSON(MetadataKind.Snapshot, json)
    case 'timestamp':
      return Metadata.fromJSON(MetadataKind.Timestamp, json)
  }
}

/** The canonical form of a signed part, from the models, which write it only to sign it. */
function bytesToSign(signed: AnySigned): Uint8Array {
  let bytes: Uint8Array = new Uint8Array()
  new Metadata(signed).sign((data) => {
    bytes = data
    return new Signature({ keyID: '', sig: '' })
  })
  return bytes
}

/** Writes a new metadata file with the signatures of these signers, in the order of their ids. */
export function writeSignedFile(signed: AnySigned, signers: readonly Signer[]): Uint8Array {
  const bytes = bytesToSign(signed)
  const signatures = signers.map((signer) => signatureOf(signer, bytes))
  return encodeFile(signed.toJSON(), signatures)
}

function signatureOf(signer: Signer, bytes: Uint8Array): { keyid: string; sig: string } {
  return { keyid: signer.keyId, sig: Buffer.from(signer.sign(bytes)).toString('hex') }
}

function encodeFile(signed: Json, signatures: readonly { keyid: string; sig: string }[]): Buffer {
  const ordered = signatures.toSorted((a, b) => (a.keyid < b.keyid ? -1 : 1))
  return Buffer.from(canonicalJson({ signatures: ordered, signed }))
}

/**
 * Adds a signature to a metadata file of any role, replacing one of the same key: how thresholds
 * above one are gathered from several people. Whether the key may sign is the verifier's question.
 * @throws LW_FORMAT_JSON, LW_FORMAT_DOCUMENT, LW_FORMAT_TOO_LARGE
 */
export function addSignature(bytes: Uint8Array, signer: Signer): Uint8Array {
  const bytesMax = Math.max(...Object.values(kinds).map((kind) => kind.bytesMax))
  const envelope = parseCanonicalJson(bytes, { bytesMax }) as unknown as {
    readonly signed: Json & { readonly _type?: unknown }
  }
  const role = Object.keys(kinds).find((name) => name === envelope?.signed?._type)
  if (role === undefined) throw malformed('metadata', '_type names no role')
  const file = parseSignedFile(bytes, role as RoleName, (_signed, common) => common)
  const kept = [...file.signatures]
    .filter(([keyid]) => keyid !== signer.keyId)
    .map(([keyid, sig]) => ({ keyid, sig: Buffer.from(sig).toString('hex') }))
  return encodeFile(envelope.signed, [...kept, signatureOf(signer, file.signedBytes)])
}
