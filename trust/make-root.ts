import { Key, Root } from '@tufjs/models'
import { type PublicKey, type Signer, tufKey } from './ed25519.ts'
import { trustError } from './errors.ts'
import { limits } from './limits.ts'
import { parseRoot } from './root-metadata.ts'
import { type RoleName, writeSignedFile } from './signed-file.ts'
import { parseTime } from './times.ts'

/** The TUF specification that the files follow. */
export const specVersion = '1.0.31'

/** Who holds which office in a root. */
export interface RootOffices {
  /** Sign roots, and nothing else. */
  readonly recoveryKeys: readonly PublicKey[]
  readonly rootThreshold: number
  /** Sign targets, and nothing else. */
  readonly targetsKeys: readonly PublicKey[]
  readonly targetsThreshold: number
  /** Each of them signs snapshot and timestamp alone. */
  readonly onlineKeys: readonly PublicKey[]
}

export interface CreateRootOptions extends RootOffices {
  /** At least 16 random bytes: they make the channel id unique. */
  readonly nonce: Uint8Array
  /** RFC 3339, UTC, whole seconds. */
  readonly expires: string
  /** Default: those of the recovery keys that can sign. More signatures come by `addSignature`. */
  readonly signers?: readonly Signer[]
}

/**
 * Makes the first root of a channel. Its SHA-256 is the channel id, so all its signatures must be
 * there before the id is told to anybody.
 * @throws LW_FORMAT_DOCUMENT when the offices overlap or a threshold cannot be reached
 */
export function createRoot(options: CreateRootOptions): Uint8Array {
  const nonce = Buffer.from(options.nonce).toString('hex')
  const signers = options.signers ?? options.recoveryKeys.filter(isSigner)
  if (signers.length === 0) throw noSigners('the recovery keys')
  return write({ offices: options, version: 1, nonce, expires: options.expires, signers })
}

export interface NextRootOptions {
  /** What differs from the previous root. */
  readonly changes: Partial<RootOffices>
  /** RFC 3339, UTC, whole seconds. */
  readonly expires: string
  /** Old and new recovery keys; more signatures come by `addSignature`. */
  readonly signers: readonly Signer[]
}

/**
 * Makes the root that follows another one (TUF 6.1): it needs a threshold of the old recovery keys
 * and a threshold of the new ones. Every root is kept for ever as `N.root.json`.
 * @throws LW_FORMAT_JSON, LW_FORMAT_DOCUMENT, LW_FORMAT_TOO_LARGE, LW_TRUST_KEYS_MISSING
 */
export function nextRoot(previous: Uint8Array, options: NextRootOptions): Uint8Array {
  const { view } = parseRoot(previous)
  if (options.signers.length === 0) throw noSigners('the old and new recovery keys')
  const offices = { ...officesOf(previous), ...options.changes }
  return write({ ...options, offices, version: view.version + 1, nonce: view.nonce })
}

/** Who holds which office in a root. @throws LW_FORMAT_JSON, LW_FORMAT_DOCUMENT */
export function officesOf(root: Uint8Array): RootOffices {
  const { roles } = parseRoot(root).view
  return {
    recoveryKeys: roles.root.keys,
    rootThreshold: roles.root.threshold,
    targetsKeys: roles.targets.keys,
    targetsThreshold: roles.targets.threshold,
    onlineKeys: roles.timestamp.keys,
  }
}

function isSigner(key: PublicKey): key is Signer {
  return 'sign' in key
}

function noSigners(which: string): Error {
  return trustError('LW_TRUST_KEYS_MISSING', { detail: `Needed are ${which}.` })
}

function write(root: {
  readonly offices: RootOffices
  readonly version: number
  readonly nonce: string
  readonly expires: string
  readonly signers: readonly Signer[]
}): Uint8Array {
  const { offices } = root
  requireTime(root.expires)
  // The models make each role empty with threshold 1; thresholds are set through their JSON form.
  const keys = [...offices.recoveryKeys, ...offices.targetsKeys, ...offices.onlineKeys]
  if (keys.length > limits.keysMax) throw new TypeError(`more than ${limits.keysMax} keys`)
  const signed = Root.fromJSON({
    _type: 'root',
    spec_version: specVersion,
    version: root.version,
    expires: root.expires,
    consistent_snapshot: true,
    nonce: root.nonce,
    keys: Object.fromEntries(keys.map((key) => [key.keyId, modelKey(key).toJSON()])),
    roles: {
      root: role(offices.recoveryKeys, offices.rootThreshold),
      targets: role(offices.targetsKeys, offices.targetsThreshold),
      snapshot: role(offices.onlineKeys, 1),
      timestamp: role(offices.onlineKeys, 1),
    } satisfies Record<RoleName, unknown>,
  })
  const bytes = writeSignedFile(signed, root.signers)
  parseRoot(bytes)
  return bytes
}

function modelKey({ keyId, hex }: PublicKey): Key {
  const { keytype, scheme, keyval } = tufKey(hex)
  return new Key({ keyID: keyId, keyType: keytype, scheme, keyVal: { ...keyval } })
}

function role(
  keys: readonly PublicKey[],
  threshold: number,
): { keyids: string[]; threshold: number } {
  return { keyids: keys.map((key) => key.keyId).toSorted(), threshold }
}

/** @throws TypeError: a programmer's mistake */
export function requireTime(text: string): void {
  if (parseTime(text) === undefined) throw new TypeError('not a time as YYYY-MM-DDTHH:MM:SSZ')
}
