import { type Digest, digestOf, isDigest } from '../protocol/index.ts'
import { type PublicKey, publicKeyFromHex } from './ed25519.ts'
import { trustError } from './errors.ts'
import { limits } from './limits.ts'
import { type RoleName, type SignedFile, type SignedView, parseSignedFile } from './signed-file.ts'
import { type StrictRecord, exactRecord, integerOf, malformed, recordOf } from './strict-record.ts'
import { type Authority, verifySignatures } from './verify-signatures.ts'

/** What a root says: who may sign what. */
export interface RootView extends SignedView {
  readonly roles: Readonly<Record<RoleName, Authority>>
  /** Random, in hexadecimal: what makes the channel id unique. */
  readonly nonce: string
}

export type RootFile = SignedFile<RootView>

const roleNames: readonly RoleName[] = ['root', 'targets', 'snapshot', 'timestamp']

/** The channel id is the SHA-256 of the channel's first root, which holds a random nonce. */
export function channelIdOf(firstRoot: Uint8Array): Digest {
  return digestOf(firstRoot)
}

/**
 * Checks the form of a root: Ed25519 keys only, each under its own id; thresholds that its distinct
 * keys can reach; recovery, publisher and online keys apart, so that no leak opens two offices.
 * @throws LW_FORMAT_JSON, LW_FORMAT_DOCUMENT, LW_FORMAT_TOO_LARGE
 */
export function parseRoot(bytes: Uint8Array): RootFile {
  return parseSignedFile(bytes, 'root', readRoot)
}

function readRoot(signed: StrictRecord, common: SignedView): RootView {
  if (signed['consistent_snapshot'] !== true) {
    throw malformed('root', 'consistent_snapshot is not true')
  }
  const nonce = signed['nonce']
  const { nonceBytesMin, nonceBytesMax } = limits
  if (
    typeof nonce !== 'string' ||
    !/^([0-9a-f]{2})+$/.test(nonce) ||
    nonce.length < nonceBytesMin * 2 ||
    nonce.length > nonceBytesMax * 2
  ) {
    throw malformed('root', `nonce is not ${nonceBytesMin} to ${nonceBytesMax} bytes`)
  }
  const keys = readKeys(signed['keys'])
  const roles = exactRecord('root', 'roles', signed['roles'], { required: roleNames })
  const view = {
    root: readRole('root', roles, keys),
    targets: readRole('targets', roles, keys),
    snapshot: readRole('snapshot', roles, keys),
    timestamp: readRole('timestamp', roles, keys),
  }
  requireSeparateOffices(view)
  const used = new Set(roleNames.flatMap((role) => view[role].keys))
  if (used.size !== keys.size) throw malformed('root', 'it holds a key that no role uses')
  return { ...common, roles: view, nonce }
}

function readKeys(value: unknown): ReadonlyMap<string, PublicKey> {
  const record = recordOf('root', 'keys', value)
  const entries = Object.entries(record)
  if (entries.length > limits.keysMax) throw malformed('root', `more than ${limits.keysMax} keys`)
  const keys = new Map<string, PublicKey>()
  for (const [keyId, item] of entries) {
    if (!isDigest(keyId)) throw malformed('root', 'a keyid is not a SHA-256 digest')
    const members = { required: ['keytype', 'keyval', 'scheme'] }
    const { keytype, scheme, keyval } = exactRecord('root', 'a key', item, members)
    if (keytype !== 'ed25519' || scheme !== 'ed25519') {
      throw malformed('root', 'a key has a type or scheme other than ed25519')
    }
    const values = exactRecord('root', 'a keyval', keyval, { required: ['public'] })
    const key = readPublicKey(values['public'])
    if (key.keyId !== keyId) throw malformed('root', 'a key stands under an id that is not its own')
    keys.set(keyId, key)
  }
  return keys
}

function readPublicKey(hex: unknown): PublicKey {
  try {
    return publicKeyFromHex(hex)
  } catch (cause) {
    throw malformed('root', 'a public key is not a sound Ed25519 point', cause)
  }
}

function readRole(
  name: RoleName,
  roles: StrictRecord,
  keys: ReadonlyMap<string, PublicKey>,
): Authority {
  const what = `the role ${name}`
  const { keyids, threshold } = exactRecord('root', what, roles[name], {
    required: ['keyids', 'threshold'],
  })
  if (!Array.isArray(keyids) || keyids.length > limits.keysMax) {
    throw malformed('root', `${what} has no list of at most ${limits.keysMax} keyids`)
  }
  if (new Set(keyids).size !== keyids.length) throw malformed('root', `${what} names a key twice`)
  const members = keyids.map((keyId: unknown) => {
    const key = typeof keyId === 'string' ? keys.get(keyId) : undefined
    if (key === undefined) throw malformed('root', `${what} names a key that is not there`)
    return key
  })
  const max = members.length
  if (max === 0) throw malformed('root', `${what} has no keys`)
  const needed = integerOf('root', `the threshold of ${name}`, threshold, { min: 1, max })
  return { keys: members, threshold: needed }
}

function requireSeparateOffices(roles: Readonly<Record<RoleName, Authority>>): void {
  const recovery = new Set(roles.root.keys)
  const publisher = new Set(roles.targets.keys)
  const online = [...roles.snapshot.keys, ...roles.timestamp.keys]
  const isShared =
    online.some((key) => recovery.has(key) || publisher.has(key)) ||
    roles.targets.keys.some((key) => recovery.has(key))
  if (isShared) throw malformed('root', 'one key holds two of recovery, publisher and online')
}

/** TUF 5.3.4 for the first root of a channel: signed by a threshold of its own keys. */
export function verifyFirstRoot(root: RootFile): void {
  verifySignatures(root, [root.view.roles.root])
}

/**
 * TUF 5.3.4, 5.3.5: a root follows another one when it is exactly one version up and signed by a
 * threshold of the old keys and a threshold of its own.
 * @throws LW_TRUST_SIGNATURE, LW_TRUST_ROLLBACK
 */
export function verifyNextRoot(previous: RootFile, next: RootFile): void {
  verifySignatures(next, [previous.view.roles.root, next.view.roles.root])
  if (next.view.version === previous.view.version + 1) return
  throw trustError('LW_TRUST_ROLLBACK', {
    detail: `Root ${next.view.version} was given where ${previous.view.version + 1} belongs.`,
  })
}
