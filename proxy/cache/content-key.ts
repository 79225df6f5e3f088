import type { Digest } from '../../protocol/index.ts'

/** Names cached bytes: an object or bundle by its digest, or the object's compressed form. */
export interface ContentKey {
  readonly digest: Digest
  readonly form: 'plain' | 'br'
}

export function keyText(key: ContentKey): string {
  return key.form === 'br' ? `${key.digest}.br` : key.digest
}

/** Bytes whose digest is known: for a compressed form it is that of the compressed bytes. */
export interface CheckedContent extends ContentKey {
  readonly size: number
  readonly bytesDigest: Digest
}

/** A cached file's name says what its bytes must hash to, whatever form they have. */
export function fileNameOf(
  content: Pick<CheckedContent, 'digest' | 'form' | 'bytesDigest'>,
): string {
  return content.form === 'br' ? `${content.digest}.br.${content.bytesDigest}` : content.digest
}

const pattern = /^([0-9a-f]{64})(?:\.br\.([0-9a-f]{64}))?$/

/** Reads a cached file's name; undefined when it is none. */
export function parseFileName(
  name: string,
): Pick<CheckedContent, 'digest' | 'form' | 'bytesDigest'> | undefined {
  const match = pattern.exec(name)
  if (match === null) return undefined
  const digest = match[1] as Digest
  return match[2] === undefined
    ? { digest, form: 'plain', bytesDigest: digest }
    : { digest, form: 'br', bytesDigest: match[2] as Digest }
}
