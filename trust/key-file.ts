import { type PublicKey, encodeSpki, publicKeyFromSpki } from './ed25519.ts'
import { trustError } from './errors.ts'
import { type KeyPair, encodePrivateKey, isEncryptedKey, parsePrivateKey } from './key-pair.ts'

/** The text of a key file: the private half in PEM, and the public half to know it by. */
export interface KeyFile {
  readonly key: PublicKey
  readonly isEncrypted: boolean
  readonly text: string
}

/** The private key in PKCS#8 PEM, then the public key in SPKI PEM. */
export function encodeKeyFile(pair: KeyPair, passphrase?: string): KeyFile {
  const publicBlock = `-----BEGIN PUBLIC KEY-----\n${encodeSpki(pair)}\n-----END PUBLIC KEY-----\n`
  const text = `${encodePrivateKey(pair, passphrase)}${publicBlock}`
  return parseKeyFile(text)
}

const publicBlock = /-----BEGIN PUBLIC KEY-----\r?\n([A-Za-z0-9+/=]+)\r?\n-----END PUBLIC KEY-----/

/** Reads a key file without opening the private half. @throws LW_TRUST_KEY_UNUSABLE */
export function parseKeyFile(text: string): KeyFile {
  const spki = publicBlock.exec(text)?.[1]
  if (spki === undefined || !/-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/.test(text)) {
    throw trustError('LW_TRUST_KEY_UNUSABLE', {
      detail: 'The key file does not hold a private and a public key.',
    })
  }
  const { keyId, hex } = publicKeyFromSpki(spki)
  return { key: { keyId, hex }, isEncrypted: isEncryptedKey(text), text }
}

/**
 * Opens the private half.
 * @throws LW_TRUST_PASSPHRASE, LW_TRUST_KEY_UNUSABLE also when the halves do not belong together
 */
export function openKeyFile(file: KeyFile, passphrase?: string): KeyPair {
  const pair = parsePrivateKey(file.text, passphrase)
  if (pair.keyId === file.key.keyId) return pair
  throw trustError('LW_TRUST_KEY_UNUSABLE', {
    detail: 'The private and the public key of the file are of two pairs.',
  })
}
