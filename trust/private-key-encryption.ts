import { createCipheriv, randomBytes, scryptSync } from 'node:crypto'

// Node's own export derives the key with 2,048 rounds of PBKDF2, too few for a key that lies in a
// drawer. These parameters stay inside the 32 MiB that OpenSSL grants scrypt when it reads.
const scrypt = { N: 2 ** 14, r: 8, p: 5 } as const
const keyBytes = 32

const oid = {
  pbes2: '06092a864886f70d01050d',
  scrypt: '06092b06010401da47040b',
  aes256Cbc: '060960864801650304012a',
} as const

/** EncryptedPrivateKeyInfo (RFC 5958 3) with PBES2 (RFC 8018 A.4), scrypt (RFC 7914 7), AES-256-CBC. */
export function encryptPkcs8(privateKeyInfo: Uint8Array, passphrase: string): Buffer {
  // Salts come from the operating system and never from a seed: equal ones would betray equal keys.
  const salt = randomBytes(16)
  const iv = randomBytes(16)
  const key = scryptSync(passphrase, salt, keyBytes, { ...scrypt, maxmem: 64 * 1024 * 1024 })
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  const encrypted = Buffer.concat([cipher.update(privateKeyInfo), cipher.final()])
  const kdf = sequence(
    named(oid.scrypt),
    sequence(
      octets(salt),
      integer(scrypt.N),
      integer(scrypt.r),
      integer(scrypt.p),
      integer(keyBytes),
    ),
  )
  const scheme = sequence(named(oid.aes256Cbc), octets(iv))
  return sequence(sequence(named(oid.pbes2), sequence(kdf, scheme)), octets(encrypted))
}

function named(hex: string): Buffer {
  return Buffer.from(hex, 'hex')
}

function element(tag: number, contents: Uint8Array): Buffer {
  const length = contents.byteLength
  const head = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), contents])
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return element(0x30, Buffer.concat(parts))
}

function octets(bytes: Uint8Array): Buffer {
  return element(0x04, bytes)
}

function integer(value: number): Buffer {
  const hex = value.toString(16)
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  // DER integers are signed: a set top bit needs a zero before it.
  return element(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes)
}
