import { type ByteSource, memorySource, readRange } from './byte-source.ts'
import { type GzipMember, parseGzipMember } from './gzip-structure.ts'
import { writeGzip } from './gzip-view.ts'
import { archiveLimits } from './limits.ts'
import { entryStream, memberStream } from './packed-streams.ts'
import { looksLikeArchive } from './tar-members.ts'
import type { InnerWriter, StreamPolicy, ViewContext } from './view-context.ts'
import { parseZip, type ZipStructure } from './zip-structure.ts'
import { writeZip } from './zip-view.ts'

/** A parsed zip, or the first member of a gzip file. */
export type Structure = ZipStructure | { readonly kind: 'gzip'; readonly first: GzipMember }

/** Recognizes a file that can be looked into. */
export function parseArchive(source: ByteSource, contentMax: number): Structure | undefined {
  const magic = readRange(source, 0, Math.min(4, source.size))
  if (magic === undefined) return undefined
  if (magic[0] === 0x1f && magic[1] === 0x8b) {
    const first = parseGzipMember(source, 0, contentMax)
    return first === undefined ? undefined : { kind: 'gzip', first }
  }
  return parseZip(source)
}

/** Writes the records of one archive. */
export function writeArchive(source: ByteSource, structure: Structure, context: ViewContext): void {
  if (structure.kind === 'zip') writeZip(source, structure, context)
  else writeGzip(source, structure.first, context)
}

/** The context of a file's own records. */
export function outerContext(
  policy: StreamPolicy,
  emit: (piece: Uint8Array) => void,
  kept?: ViewContext['kept'],
): ViewContext {
  return { policy, emit, inner: (content) => innerWriter(content, policy), kept }
}

/** An archive inside an archive counts as one when a stream of it is to be unpacked. */
function innerWriter(bytes: Uint8Array, policy: StreamPolicy): InnerWriter | undefined {
  if (!looksLikeArchive(bytes) || bytes.length > archiveLimits.nestedBytesMax) return undefined
  const source = memorySource(bytes)
  const structure = parseArchive(source, archiveLimits.viewBytesMax)
  if (structure === undefined || !hasUnpackable(source, structure, policy)) return undefined
  return (context) => writeArchive(source, structure, context)
}

/** Whether the policy accepts a stream of the archive. */
export function hasUnpackable(
  source: ByteSource,
  structure: Structure,
  policy: StreamPolicy,
): boolean {
  if (structure.kind === 'gzip') return policy.accepts(memberStream(source, structure.first))
  return structure.entries.some((entry) => {
    const stream = entryStream(source, entry)
    return stream !== undefined && policy.accepts(stream)
  })
}
