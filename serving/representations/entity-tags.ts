import { type Digest, isDigest } from '../../protocol/index.ts'
import type { EntityTag } from '../../protocol/http-fields/index.ts'
import type { DeltaFormat, WholeCoding } from './resource.ts'

/** The strong entity tag of a plain version: its SHA-256. */
export function plainTag(sha256: Digest): EntityTag {
  return { weak: false, opaque: sha256 }
}

/** The strong entity tag of a version in a content coding of its own. */
export function codedTag(sha256: Digest, coding: WholeCoding): EntityTag {
  return { weak: false, opaque: `t:${sha256};f=${coding}` }
}

/** The strong entity tag of a difference, unique per target, base and format. */
export function deltaTag(to: Digest, from: Digest, format: DeltaFormat): EntityTag {
  const name = format === 'gdiff' ? 'gdiff4' : format
  return { weak: false, opaque: `t:${to};b:${from};f=${name}` }
}

const pattern = /^(?:([0-9a-f]{64})|t:([0-9a-f]{64})(?:;b:[0-9a-f]{64})?;f=(br|gzip|dcz|dcb))$/

/**
 * The version that a tag of ours stands for once content codings are undone: a client that holds
 * it holds that version. A GDIFF body is not the version, and its tag stands for none.
 */
export function versionOfTag(tag: EntityTag): Digest | undefined {
  const match = pattern.exec(tag.opaque)
  const sha256 = match?.[1] ?? match?.[2]
  return isDigest(sha256) ? sha256 : undefined
}
