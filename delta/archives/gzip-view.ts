import { type ByteSource, memorySource } from './byte-source.ts'
import { type GzipMember, parseGzipMember } from './gzip-structure.ts'
import { archiveLimits } from './limits.ts'
import { memberStream } from './packed-streams.ts'
import {
  type Content,
  type InnerWriter,
  type ViewContext,
  writeBytes,
  writeHead,
} from './view-context.ts'
import { memberFlag, operation } from './view-grammar.ts'

/** Writes the records of a gzip file: its members and what follows them. */
export function writeGzip(source: ByteSource, first: GzipMember, context: ViewContext): void {
  let member: GzipMember | undefined = first
  let at = 0
  for (let count = 0; member !== undefined; count++) {
    writeMember(source, member, context)
    at = member.end
    if (count >= archiveLimits.entriesMax) break
    member = parseGzipMember(source, at, archiveLimits.viewBytesMax)
  }
  writeBytes(source, { start: at, end: source.size }, context)
}

function writeMember(source: ByteSource, member: GzipMember, context: ViewContext): void {
  const stream = memberStream(source, member)
  if (!context.policy.accepts(stream)) {
    writeBytes(source, member, context)
    return
  }
  context.policy.written(stream)
  const { content } = stream
  const trailer =
    member.declaredBytes === content.bytes % 2 ** 32 && context.policy.hasCrc(content, member.crc)
  const nested = context.inner !== undefined && member.inner.length > 0
  const flags = (nested ? memberFlag.nested : 0) + (trailer ? memberFlag.trailer : 0)
  const sizes = nested ? [] : [content.bytes]
  writeHead(context, operation.member, flags, ...sizes, member.header.length)
  context.emit(member.header)
  if (nested) writeTar(member, content, context)
  else content.each(context.emit)
  if (!trailer) writeBytes(source, { start: member.dataEnd, end: member.end }, context)
}

/** Content of a tar: archives in it as records of their own, what is between them as bytes. */
function writeTar(member: GzipMember, content: Content, context: ViewContext): void {
  const inside = { ...context, inner: undefined }
  let next = 0
  let position = 0
  let left = 0
  let inner: Uint8Array | undefined
  const begin = (): void => {
    const range = member.inner[next]
    inner = range?.start === position ? new Uint8Array(range.end - range.start) : undefined
    left = (inner === undefined ? (range?.start ?? content.bytes) : (range?.end ?? 0)) - position
    if (inner === undefined && left > 0) writeHead(inside, operation.bytes, left)
  }
  const take = (part: Uint8Array): void => {
    position += part.length
    left -= part.length
    if (inner === undefined) inside.emit(part)
    else inner.set(part, inner.length - left - part.length)
    if (left > 0) return
    if (inner !== undefined) {
      next++
      writeInner(inner, context.inner?.(inner), inside)
    }
    begin()
  }
  begin()
  content.each((piece) => {
    for (let at = 0; at < piece.length && left > 0; ) {
      const part = piece.subarray(at, at + left)
      at += part.length
      take(part)
    }
  })
  writeHead(inside, operation.close, 0)
}

/** An archive in a tar when there is something in it to unpack, bytes otherwise. */
function writeInner(
  bytes: Uint8Array,
  writer: InnerWriter | undefined,
  context: ViewContext,
): void {
  if (writer === undefined) {
    writeBytes(memorySource(bytes), { start: 0, end: bytes.length }, context)
    return
  }
  writeHead(context, operation.archive, 0)
  writer(context)
}
