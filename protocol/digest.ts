import { createHash } from 'node:crypto'
import { formatError } from './format-errors.ts'
import { quoted } from './quoted.ts'

declare const digestBrand: unique symbol

/** SHA-256 as 64 lower-case hexadecimal digits: the identity of bytes everywhere in Longwave. */
export type Digest = string & { readonly [digestBrand]: 'Digest' }

const pattern = /^[0-9a-f]{64}$/

export function isDigest(value: unknown): value is Digest {
  return typeof value === 'string' && pattern.test(value)
}

/** @throws LW_FORMAT_DIGEST */
export function parseDigest(value: unknown): Digest {
  if (!isDigest(value)) throw formatError('LW_FORMAT_DIGEST', { detail: quoted(value) })
  return value
}

/** The digest of bytes held in memory. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return createHash('sha256').update(bytes).digest('hex') as Digest
}

/** The digest of 32 raw bytes, as a hasher returns them. */
export function digestFromBytes(raw: Uint8Array): Digest {
  if (raw.byteLength !== 32) throw formatError('LW_FORMAT_DIGEST', { detail: 'not 32 bytes' })
  return Buffer.from(raw.buffer, raw.byteOffset, 32).toString('hex') as Digest
}

/** The digest of no bytes at all. */
export const emptyDigest = digestOf('')
