import { type Digest, digestFromBytes } from '../digest.ts'
import { drpError } from './errors.ts'
import { drpLimits } from './limits.ts'

export type ContentAlgorithm = 'md5' | 'sha1' | 'sha256'

/**
 * A DRP content identifier (NOTE-drp 2.1): a checksum that names content wherever it lies.
 * MD5 and SHA-1 are broken for adversarial input: they find bytes, they never vouch for them.
 */
export interface ContentIdentifier {
  readonly algorithm: ContentAlgorithm
  /** The checksum in lower-case hexadecimal; with the algorithm it is the key to compare by. */
  readonly hex: string
}

const hexDigits: Readonly<Record<ContentAlgorithm, number>> = { md5: 32, sha1: 40, sha256: 64 }

const algorithms: Readonly<Record<string, ContentAlgorithm>> = {
  md5: 'md5',
  sha: 'sha1',
  sha1: 'sha1',
  sha256: 'sha256',
}

/**
 * Parses `urn:md5:…`, `urn:sha:…`, `urn:sha1:…`, `urn:sha256:…` and, of October 1997,
 * `…@md5.w3.org` and `…@sha.w3.org`. Padding may be missing and the last digit may carry stray
 * bits, since identifiers in circulation do: bytes are compared, never text.
 * @throws LW_DRP_CONTENT_ID
 */
export function parseContentIdentifier(text: string): ContentIdentifier {
  const id = readContentIdentifier(text)
  if (id === undefined) {
    throw drpError('LW_DRP_CONTENT_ID', {
      detail: `${JSON.stringify(text.slice(0, drpLimits.contentIdCharactersMax))}.`,
    })
  }
  return id
}

/** As `parseContentIdentifier`, but undefined for anything else. */
export function readContentIdentifier(text: string): ContentIdentifier | undefined {
  if (text.length > drpLimits.contentIdCharactersMax) return undefined
  const urn = /^urn:(md5|sha|sha1|sha256):([A-Za-z0-9+/]+)={0,2}$/i.exec(text)
  const address = /^([A-Za-z0-9+/]+)={0,2}@(md5|sha)\.w3\.org$/i.exec(text)
  const name = (urn?.[1] ?? address?.[2])?.toLowerCase()
  const digits = urn?.[2] ?? address?.[1]
  const algorithm = name === undefined ? undefined : algorithms[name]
  if (algorithm === undefined || digits === undefined) return undefined
  // A lone last digit codes no byte; Buffer would drop it silently.
  if (digits.length % 4 === 1) return undefined
  const hex = Buffer.from(digits, 'base64').toString('hex')
  return hex.length === hexDigits[algorithm] ? { algorithm, hex } : undefined
}

/** The canonical URN: `urn:sha:` for SHA-1, Base64 with padding. */
export function formatContentIdentifier(id: ContentIdentifier): string {
  const name = id.algorithm === 'sha1' ? 'sha' : id.algorithm
  return `urn:${name}:${Buffer.from(id.hex, 'hex').toString('base64')}`
}

export function identifierOfDigest(sha256: Digest): ContentIdentifier {
  return { algorithm: 'sha256', hex: sha256 }
}

/** The digest that a SHA-256 identifier holds; undefined for the weaker kinds. */
export function digestOfIdentifier(id: ContentIdentifier): Digest | undefined {
  return id.algorithm === 'sha256' ? digestFromBytes(Buffer.from(id.hex, 'hex')) : undefined
}

export function sameContent(a: ContentIdentifier, b: ContentIdentifier): boolean {
  return a.algorithm === b.algorithm && a.hex === b.hex
}
