import { type Digest, digestOf } from '../../protocol/index.ts'
import {
  type PublicKey,
  type Signer,
  checkSignatureOf,
  isSignatureOf,
  publicKeyBytes,
  publicKeyFromBytes,
  signatureBytes,
} from '../ed25519.ts'
import { trustError } from '../errors.ts'
import { type KeyPair, encodePrivateKey, generateKeyPair, parsePrivateKey } from '../key-pair.ts'
import { limits } from '../limits.ts'

/** Who a tuner is to one channel: a key of its own, so that channels cannot compare notes. */
export interface TunerIdentity {
  /** SHA-256 of the raw public key. */
  readonly tunerId: Digest
  readonly keys: KeyPair
}

export function createTunerIdentity(): TunerIdentity {
  return identityOf(generateKeyPair())
}

/** PKCS#8 PEM; it lies in the tuner's own records. */
export function encodeTunerIdentity(identity: TunerIdentity): string {
  return encodePrivateKey(identity.keys)
}

/** @throws LW_TRUST_KEY_UNUSABLE */
export function parseTunerIdentity(pem: string): TunerIdentity {
  return identityOf(parsePrivateKey(pem))
}

function identityOf(keys: KeyPair): TunerIdentity {
  return { tunerId: tunerIdOf(keys), keys }
}

/** The tuner id of a public key. */
export function tunerIdOf(key: PublicKey): Digest {
  return digestOf(Buffer.from(key.hex, 'hex'))
}

/** Sets these signatures apart from every other use of a key. */
const domain = Buffer.from('longwave-request-1\0')

/**
 * The value of the `Longwave-Tuner` header for a request body: Base64url of the raw public key
 * and of the signature, with a dot between. The body names channel and request, so that a signature
 * serves no other one.
 */
export function signRequest(body: Uint8Array, key: Signer): string {
  const signature = key.sign(Buffer.concat([domain, body]))
  const raw = Buffer.from(key.hex, 'hex')
  return `${raw.toString('base64url')}.${Buffer.from(signature).toString('base64url')}`
}

/**
 * Checks the signature of a request body and tells whose it is.
 * @throws LW_TRUST_REQUEST_SIGNATURE
 */
export function verifyRequest(body: Uint8Array, header: string): Digest {
  const { key, signature } = parseHeader(header)
  if (isSignatureOf(key, Buffer.concat([domain, body]), signature)) return tunerIdOf(key)
  throw refused('The signature is false.')
}

/**
 * `verifyRequest`, worked out beside the event loop: for servers that get many.
 * @throws LW_TRUST_REQUEST_SIGNATURE
 */
export async function checkRequest(body: Uint8Array, header: string): Promise<Digest> {
  const { key, signature } = parseHeader(header)
  if (await checkSignatureOf(key, Buffer.concat([domain, body]), signature)) return tunerIdOf(key)
  throw refused('The signature is false.')
}

function parseHeader(header: string): { readonly key: PublicKey; readonly signature: Buffer } {
  const parts = header.length > limits.requestSignatureCharactersMax ? [] : header.split('.')
  const raw = decode(parts[0], publicKeyBytes)
  const signature = decode(parts[1], signatureBytes)
  if (parts.length !== 2 || raw === undefined || signature === undefined) {
    throw refused('The header is not a key and a signature.')
  }
  return { key: keyOf(raw), signature }
}

function decode(text: string | undefined, bytes: number): Buffer | undefined {
  if (text === undefined) return undefined
  const decoded = Buffer.from(text, 'base64url')
  return decoded.byteLength === bytes && decoded.toString('base64url') === text
    ? decoded
    : undefined
}

function keyOf(raw: Uint8Array): PublicKey {
  try {
    return publicKeyFromBytes(raw)
  } catch (cause) {
    throw trustError('LW_TRUST_REQUEST_SIGNATURE', { detail: 'The key is unusable.', cause })
  }
}

function refused(detail: string): Error {
  return trustError('LW_TRUST_REQUEST_SIGNATURE', { detail })
}
