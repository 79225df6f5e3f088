import {
  type KeyObject,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
} from 'node:crypto'
import { type PublicKey, type Signer, publicKeyFromBytes, publicKeyBytes } from './ed25519.ts'
import { trustError } from './errors.ts'
import { limits } from './limits.ts'
import { encryptPkcs8 } from './private-key-encryption.ts'

/** An Ed25519 key pair in memory. */
export interface KeyPair extends Signer {
  readonly privateKey: KeyObject
}

/** Makes a new Ed25519 key pair from the operating system's randomness. */
export function generateKeyPair(): KeyPair {
  return keyPairOf(generateKeyPairSync('ed25519').privateKey)
}

function keyPairOf(privateKey: KeyObject): KeyPair {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return {
    ...publicKeyFromBytes(spki.subarray(spki.byteLength - publicKeyBytes)),
    privateKey,
    sign: (bytes) => sign(null, bytes, privateKey),
  }
}

/** The public half alone, safe to show and to write down. */
export function publicKeyOf(key: PublicKey): PublicKey {
  return { keyId: key.keyId, hex: key.hex }
}

/** PKCS#8 PEM (RFC 5958, RFC 8410), encrypted (scrypt, AES-256-CBC) when a passphrase is given. */
export function encodePrivateKey(pair: KeyPair, passphrase?: string): string {
  const der = pair.privateKey.export({ format: 'der', type: 'pkcs8' })
  if (passphrase === undefined) return pem('PRIVATE KEY', der)
  checkPassphrase(passphrase)
  return pem('ENCRYPTED PRIVATE KEY', encryptPkcs8(der, passphrase))
}

function checkPassphrase(passphrase: string): void {
  const bytes = Buffer.byteLength(passphrase)
  if (bytes === 0 || bytes > limits.passphraseBytesMax) {
    throw trustError('LW_TRUST_PASSPHRASE', {
      detail: `A passphrase has 1 to ${limits.passphraseBytesMax} bytes.`,
    })
  }
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

const privateBlock =
  /-----BEGIN (ENCRYPTED )?PRIVATE KEY-----\r?\n[A-Za-z0-9+/=\r\n]+-----END \1PRIVATE KEY-----/

/** Whether PEM text holds a private key that needs a passphrase. */
export function isEncryptedKey(text: string): boolean {
  return privateBlock.exec(text)?.[1] !== undefined
}

/**
 * Reads a PKCS#8 PEM private key.
 * @throws LW_TRUST_PASSPHRASE when it is encrypted and the passphrase is missing or wrong;
 *   LW_TRUST_KEY_UNUSABLE when it is not an Ed25519 private key
 */
export function parsePrivateKey(text: string, passphrase?: string): KeyPair {
  const block = text.length > limits.keyFileBytesMax ? null : privateBlock.exec(text)
  if (block === null) {
    throw trustError('LW_TRUST_KEY_UNUSABLE', { detail: 'It is not a PKCS#8 private key in PEM.' })
  }
  const isEncrypted = block[1] !== undefined
  if (isEncrypted && passphrase === undefined) {
    throw trustError('LW_TRUST_PASSPHRASE', { detail: 'No passphrase was given.' })
  }
  return keyPairOf(requireEd25519(readPem(block[0], isEncrypted ? passphrase : undefined)))
}

function readPem(block: string, passphrase: string | undefined): KeyObject {
  try {
    if (passphrase === undefined) return createPrivateKey({ key: block, format: 'pem' })
    return createPrivateKey({ key: block, format: 'pem', passphrase })
  } catch (cause) {
    if (passphrase === undefined) {
      throw trustError('LW_TRUST_KEY_UNUSABLE', { detail: 'Its contents are damaged.', cause })
    }
    throw trustError('LW_TRUST_PASSPHRASE', { detail: 'The passphrase does not open it.', cause })
  }
}

function requireEd25519(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType === 'ed25519') return key
  throw trustError('LW_TRUST_KEY_UNUSABLE', {
    detail: `It is of type ${key.asymmetricKeyType ?? 'unknown'}; only Ed25519 is used.`,
  })
}
