import type { ByteSource } from './byte-source.ts'
import { readRange, view } from './byte-source.ts'
import { inflateRange } from './inflater.ts'
import { archiveLimits } from './limits.ts'
import { createTarScanner, type InnerRange } from './tar-members.ts'

/** One member of a gzip file (RFC 1952): header, raw deflate stream, CRC and length. */
export interface GzipMember {
  readonly start: number
  readonly dataStart: number
  readonly dataEnd: number
  /** Behind the trailer. */
  readonly end: number
  readonly header: Uint8Array
  readonly crc: number
  /** Length in the trailer, modulo 2^32. */
  readonly declaredBytes: number
  readonly contentBytes: number
  /** The content when it is small enough to be held. */
  readonly content: Uint8Array | undefined
  /** When the content is a tar: its members that look like archives. */
  readonly inner: readonly InnerRange[]
}

/** The member that starts at `start`, or undefined when none does or it is damaged. */
export function parseGzipMember(
  source: ByteSource,
  start: number,
  producedMax: number,
): GzipMember | undefined {
  const header = readHeader(source, start)
  if (header === undefined) return undefined
  const dataStart = start + header.length
  const tar = createTarScanner()
  const pieces: Uint8Array[] = []
  let held = 0
  const range = { start: dataStart, end: source.size, producedMax }
  const inflated = inflateRange(source, range, (piece) => {
    tar.push(piece)
    held += piece.length
    if (held <= archiveLimits.contentBufferMax) pieces.push(piece)
    else pieces.length = 0
  })
  if (inflated === undefined) return undefined
  const dataEnd = dataStart + inflated.consumed
  const trailer = readRange(source, dataEnd, dataEnd + 8)
  if (trailer === undefined) return undefined
  const small = held <= archiveLimits.contentBufferMax
  return {
    start,
    dataStart,
    dataEnd,
    end: dataEnd + 8,
    header,
    crc: view(trailer).getUint32(0, true),
    declaredBytes: view(trailer).getUint32(4, true),
    contentBytes: inflated.produced,
    content: small ? Buffer.concat(pieces) : undefined,
    inner: tar.found(),
  }
}

/** Header with its optional fields (RFC 1952 2.3), or undefined. */
function readHeader(source: ByteSource, start: number): Uint8Array | undefined {
  const most = Math.min(source.size, start + archiveLimits.gzipHeaderMax)
  for (const length of [1024, archiveLimits.gzipHeaderMax]) {
    const bytes = readRange(source, start, Math.min(most, start + length))
    if (bytes === undefined || bytes.length < 10) return undefined
    if (bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[2] !== 8) return undefined
    const end = headerEnd(bytes)
    if (end !== undefined) return bytes.slice(0, end)
  }
  return undefined
}

function headerEnd(bytes: Uint8Array): number | undefined {
  const flags = bytes[3] ?? 0
  if ((flags & 0xe0) !== 0) return undefined
  let at = 10
  if ((flags & 4) !== 0) at += 2 + (bytes[at] ?? 0) + (bytes[at + 1] ?? 0) * 256
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue
    const zero = bytes.indexOf(0, at)
    if (zero < 0) return undefined
    at = zero + 1
  }
  if ((flags & 2) !== 0) at += 2
  return at <= bytes.length ? at : undefined
}
