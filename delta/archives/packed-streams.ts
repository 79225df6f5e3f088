import type { ByteSource } from './byte-source.ts'
import type { GzipMember } from './gzip-structure.ts'
import { inflateRange, inflateWhole } from './inflater.ts'
import { archiveLimits } from './limits.ts'
import { type Content, heldContent, inflatedContent, type PackedStream } from './view-context.ts'
import type { ZipEntry } from './zip-structure.ts'

/** The stream of a gzip member. */
export function memberStream(source: ByteSource, member: GzipMember): PackedStream {
  const range = { start: member.dataStart, end: member.dataEnd }
  const content =
    member.content === undefined
      ? inflatedContent(source, range, member.contentBytes)
      : heldContent(member.content)
  const extraFlags = member.header[8] ?? 0
  const levelHint = extraFlags === 2 ? 9 : extraFlags === 4 ? 1 : 6
  return { source, ...range, content, levelHint }
}

/** The deflate stream of a zip entry, or undefined when it has none that inflates as declared. */
export function entryStream(source: ByteSource, entry: ZipEntry): PackedStream | undefined {
  if (entry.method !== 8 || entry.encrypted) return undefined
  const range = { start: entry.dataStart, end: entry.dataEnd }
  const content = entryContent(source, range, entry.contentBytes)
  if (content === undefined) return undefined
  const hints = [6, 9, 3, 1] as const
  const levelHint = hints[((entry.local[6] ?? 0) >> 1) & 3] ?? 6
  return { source, ...range, content, levelHint }
}

function entryContent(
  source: ByteSource,
  range: { readonly start: number; readonly end: number },
  bytes: number,
): Content | undefined {
  if (bytes <= archiveLimits.contentBufferMax) {
    const held = inflateWhole(source, range, bytes)
    return held === undefined ? undefined : heldContent(held)
  }
  const inflated = inflateRange(source, { ...range, producedMax: bytes }, () => {})
  if (inflated === undefined || inflated.produced !== bytes) return undefined
  if (inflated.consumed !== range.end - range.start) return undefined
  return inflatedContent(source, range, bytes)
}
