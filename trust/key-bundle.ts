import {
  type ChannelName,
  type Digest,
  canonicalJson,
  isChannelName,
  isDigest,
  parseCanonicalJson,
} from '../protocol/index.ts'
import { type KeyFile, parseKeyFile } from './key-file.ts'
import { limits } from './limits.ts'
import { exactRecord, malformed } from './strict-record.ts'

/** What a key may sign: roots (recovery), targets (publisher), or the static form's timestamps. */
export type KeyRole = 'root' | 'targets' | 'online'

export const keyRoles: readonly KeyRole[] = ['root', 'targets', 'online']

/** Whose keys: a channel's, or, before its first publish gave it an id, a name's. */
export type KeyScope = { readonly channelId: Digest } | { readonly name: ChannelName }

export interface BundledKey {
  readonly role: KeyRole
  readonly file: KeyFile
}

/** Keys in one file, for a backup or a build server. */
export interface KeyBundle {
  readonly scope: KeyScope
  readonly keys: readonly BundledKey[]
}

const format = 'longwave-keys-1'

/** One line of canonical JSON, so that it also fits into a secret of a build server. */
export function encodeKeyBundle(bundle: KeyBundle): Uint8Array {
  const { scope } = bundle
  const keys = bundle.keys.map(({ role, file }) => ({ role, pem: file.text }))
  const owner = 'channelId' in scope ? { channel: scope.channelId } : { name: scope.name }
  return Buffer.from(canonicalJson({ format, ...owner, keys }))
}

/** @throws LW_FORMAT_JSON, LW_FORMAT_DOCUMENT, LW_FORMAT_TOO_LARGE, LW_TRUST_KEY_UNUSABLE */
export function parseKeyBundle(bytes: Uint8Array): KeyBundle {
  const trimmed = Buffer.from(bytes).toString('latin1').endsWith('\n')
    ? bytes.subarray(0, -1)
    : bytes
  const value = parseCanonicalJson(trimmed, { bytesMax: limits.keyBundleBytesMax })
  const bundle = exactRecord('key bundle', 'the file', value, {
    required: ['format', 'keys'],
    optional: ['channel', 'name'],
  })
  if (bundle['format'] !== format) throw malformed('key bundle', 'it has another format')
  const { keys } = bundle
  if (!Array.isArray(keys) || keys.length > limits.keyBundleKeysMax) {
    throw malformed('key bundle', `keys is not a list of at most ${limits.keyBundleKeysMax}`)
  }
  return {
    scope: readScope(bundle['channel'], bundle['name']),
    keys: keys.map((item: unknown) => readKey(item)),
  }
}

function readScope(channel: unknown, name: unknown): KeyScope {
  if (isDigest(channel) && name === undefined) return { channelId: channel }
  if (isChannelName(name) && channel === undefined) return { name }
  throw malformed('key bundle', 'it is neither for one channel nor for one name')
}

function readKey(value: unknown): BundledKey {
  const { role, pem } = exactRecord('key bundle', 'a key', value, { required: ['pem', 'role'] })
  if (role !== 'root' && role !== 'targets' && role !== 'online') {
    throw malformed('key bundle', 'a key has an unknown role')
  }
  if (typeof pem !== 'string' || pem.length > limits.keyFileBytesMax) {
    throw malformed('key bundle', 'a key has no PEM text')
  }
  return { role, file: parseKeyFile(pem) }
}
