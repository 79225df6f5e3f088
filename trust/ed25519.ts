import { type KeyObject, createPublicKey, verify } from 'node:crypto'
import { type Digest, canonicalJson, digestOf } from '../protocol/index.ts'
import { trustError } from './errors.ts'

/** A public Ed25519 key as TUF metadata names it. */
export interface PublicKey {
  /** SHA-256 of the key's canonical TUF form (TUF 4.2). */
  readonly keyId: Digest
  /** The 32 raw bytes (RFC 8032 5.1.5) as 64 lower-case hexadecimal digits. */
  readonly hex: string
}

/** Somebody who can sign: a key pair in memory, or a device that holds the private half. */
export interface Signer extends PublicKey {
  /** The 64 bytes of an Ed25519 signature. */
  sign(bytes: Uint8Array): Uint8Array
}

export const publicKeyBytes = 32
export const signatureBytes = 64

/** SubjectPublicKeyInfo up to the raw key (RFC 8410 4). */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/**
 * The encodings of y of the eight points of small order, without the sign bit. OpenSSL takes them
 * as keys, and a signature made for none of them verifies under many messages.
 */
const smallOrder = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
])

/** The public key of 64 hexadecimal digits. @throws LW_TRUST_KEY_UNUSABLE */
export function publicKeyFromHex(hex: unknown): PublicKey {
  if (typeof hex !== 'string' || !/^[0-9a-f]{64}$/.test(hex)) {
    throw unusable('An Ed25519 public key has 64 lower-case hexadecimal digits.')
  }
  const why = whyNotPoint(Buffer.from(hex, 'hex'))
  if (why !== undefined) throw unusable(`The public key is ${why}.`)
  return { keyId: keyIdOf(hex), hex }
}

/** The public key of 32 raw bytes. @throws LW_TRUST_KEY_UNUSABLE */
export function publicKeyFromBytes(raw: Uint8Array): PublicKey {
  return publicKeyFromHex(Buffer.from(raw).toString('hex'))
}

/** The public key of SPKI DER in Base64, as manifests carry it. @throws LW_TRUST_KEY_UNUSABLE */
export function publicKeyFromSpki(base64: string): PublicKey {
  const der = Buffer.from(base64, 'base64')
  const isCanonical = der.toString('base64') === base64
  const isEd25519 =
    der.byteLength === spkiPrefix.byteLength + publicKeyBytes &&
    der.subarray(0, spkiPrefix.byteLength).equals(spkiPrefix)
  if (!isCanonical || !isEd25519) throw unusable('It is not an Ed25519 key as SPKI DER in Base64.')
  return publicKeyFromBytes(der.subarray(spkiPrefix.byteLength))
}

/** SPKI DER in Base64, as manifests carry a key. */
export function encodeSpki(key: PublicKey): string {
  return Buffer.concat([spkiPrefix, Buffer.from(key.hex, 'hex')]).toString('base64')
}

function unusable(detail: string): Error {
  return trustError('LW_TRUST_KEY_UNUSABLE', { detail })
}

function whyNotPoint(raw: Buffer): string | undefined {
  const y = Buffer.from(raw)
  y[31] = (y[31] ?? 0) & 0x7f
  // Small order first: some of it has a second, non-canonical encoding.
  if (smallOrder.has(y.toString('hex'))) return 'a point of small order'
  // RFC 8032 5.1.3: y must be below p = 2^255 - 19.
  const isHigh = y[31] === 0x7f && y.subarray(1, 31).every((byte) => byte === 0xff)
  if (isHigh && (y[0] ?? 0) >= 0xed) return 'not in its canonical encoding'
  return undefined
}

/** TUF 4.2: the key id is the SHA-256 of the canonical form of the key. */
function keyIdOf(hex: string): Digest {
  return digestOf(canonicalJson(tufKey(hex)))
}

/** The form of a key in root metadata; it holds nothing that two canonical forms write differently. */
export function tufKey(hex: string): {
  readonly keytype: 'ed25519'
  readonly scheme: 'ed25519'
  readonly keyval: { readonly public: string }
} {
  return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: hex } }
}

/**
 * Whether a signature is the key's for these bytes (RFC 8032 5.1.7). OpenSSL refuses S beyond the
 * group order and compares R byte for byte; points of small order never become a `PublicKey`.
 */
export function isSignatureOf(key: PublicKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  return signature.byteLength === signatureBytes && verify(null, bytes, keyObject(key), signature)
}

/** `isSignatureOf`, worked out beside the event loop: for those who check many at once. */
export function checkSignatureOf(
  key: PublicKey,
  bytes: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (signature.byteLength !== signatureBytes) return Promise.resolve(false)
  return new Promise((resolve, reject) => {
    verify(null, bytes, keyObject(key), signature, (error, isTrue) => {
      if (error === null) resolve(isTrue)
      else reject(error)
    })
  })
}

/** A JWK (RFC 8037 2) holds the raw bytes: OpenSSL takes nine times as long to read DER. */
function keyObject(key: PublicKey): KeyObject {
  const x = Buffer.from(key.hex, 'hex').toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}
