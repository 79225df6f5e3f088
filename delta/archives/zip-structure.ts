import type { ByteSource } from './byte-source.ts'
import { readRange, view } from './byte-source.ts'
import { archiveLimits } from './limits.ts'

/**
 * Where everything lies in a zip file (APPNOTE 6.3.10), as far as the view needs it. Ranges are
 * positions in the file; the entries are in the order of their data, `centralOrder` says which
 * entry each central header is for.
 */
export interface ZipStructure {
  readonly kind: 'zip'
  readonly entries: readonly ZipEntry[]
  readonly centralOrder: readonly number[]
  /** What is added to offsets in headers to get positions: the length of a foreign prefix. */
  readonly base: number
  readonly centralStart: number
  readonly centralEnd: number
  readonly endStart: number
  /** Behind the comment of the end record. */
  readonly endEnd: number
  /** Whether counts, size and offset of the end record are those of the central directory. */
  readonly endRegular: boolean
}

export interface ZipEntry {
  readonly localStart: number
  readonly dataStart: number
  readonly dataEnd: number
  /** Which form of data descriptor follows the data; see `descriptorForms`. */
  readonly descriptor: number
  /** Behind the data descriptor. */
  readonly end: number
  /** Local header with name and extra field. */
  readonly local: Uint8Array
  /** Central header with name, extra field and comment. */
  readonly central: Uint8Array
  readonly method: number
  readonly encrypted: boolean
  readonly crc: number
  /** Bytes of the content, as the central directory says it. */
  readonly contentBytes: number
}

/** Data descriptors: signature or not, sizes of four or eight bytes. Index 0 is none. */
export const descriptorForms = [
  { signature: false, sizeBytes: 0, bytes: 0 },
  { signature: true, sizeBytes: 4, bytes: 16 },
  { signature: false, sizeBytes: 4, bytes: 12 },
  { signature: true, sizeBytes: 8, bytes: 24 },
  { signature: false, sizeBytes: 8, bytes: 20 },
] as const

export const zipSignatures = {
  local: 0x04034b50,
  central: 0x02014b50,
  end: 0x06054b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
  descriptor: 0x08074b50,
} as const

export const localFixedBytes = 30
export const centralFixedBytes = 46
export const endFixedBytes = 22

/** Parses a zip file; undefined when it is none, or not one of the regular kind. */
export function parseZip(source: ByteSource): ZipStructure | undefined {
  const end = findEnd(source)
  if (end === undefined) return undefined
  const centralBytes = end.centralEnd - end.centralStart
  if (centralBytes > archiveLimits.centralBytesMax) return undefined
  const central = readRange(source, end.centralStart, end.centralEnd)
  if (central === undefined) return undefined
  const headers = splitCentral(central)
  if (headers === undefined || headers.length === 0) return undefined
  const located = headers.map((header, index) => ({ ...header, index }))
  located.sort((left, right) => left.offset - right.offset || left.index - right.index)
  const entries: ZipEntry[] = []
  const centralOrder: number[] = new Array(headers.length)
  let floor = 0
  for (const [place, header] of located.entries()) {
    const next = located[place + 1]
    const ceiling = next === undefined ? end.centralStart : end.base + next.offset
    const entry = locateEntry(source, header, { base: end.base, floor, ceiling })
    if (entry === undefined) return undefined
    entries.push(entry)
    centralOrder[header.index] = place
    floor = entry.end
  }
  const endRegular = end.regular && end.declaredEntries === headers.length
  return { kind: 'zip', entries, centralOrder, ...end, endRegular }
}

interface ZipEnd {
  readonly base: number
  readonly centralStart: number
  readonly centralEnd: number
  readonly endStart: number
  readonly endEnd: number
  readonly declaredEntries: number
  readonly regular: boolean
}

/** The last end record whose comment fits into the file and whose directory lies before it. */
function findEnd(source: ByteSource): ZipEnd | undefined {
  const tailStart = Math.max(0, source.size - endFixedBytes - 0xffff)
  const tail = readRange(source, tailStart, source.size)
  if (tail === undefined) return undefined
  const words = view(tail)
  for (let at = tail.length - endFixedBytes; at >= 0; at--) {
    if (tail[at] !== 0x50 || words.getUint32(at, true) !== zipSignatures.end) continue
    if (at + endFixedBytes + words.getUint16(at + 20, true) > tail.length) continue
    return readEnd(source, tailStart + at, new DataView(words.buffer, words.byteOffset + at))
  }
  return undefined
}

function readEnd(source: ByteSource, endStart: number, record: DataView): ZipEnd | undefined {
  const endEnd = endStart + endFixedBytes + record.getUint16(20, true)
  const disks = record.getUint16(4, true) + record.getUint16(6, true)
  const entries = record.getUint16(10, true)
  const centralBytes = record.getUint32(12, true)
  const offset = record.getUint32(16, true)
  const large = readEnd64(source, endStart)
  if (large !== undefined) return { ...large, endStart, endEnd, regular: false }
  const centralStart = endStart - centralBytes
  const base = centralStart - offset
  if (disks !== 0 || base < 0) return undefined
  const regular = record.getUint16(8, true) === entries
  return {
    base,
    centralStart,
    centralEnd: endStart,
    endStart,
    endEnd,
    declaredEntries: entries,
    regular,
  }
}

type ZipEnd64 = Omit<ZipEnd, 'endStart' | 'endEnd' | 'regular'>

function readEnd64(source: ByteSource, endStart: number): ZipEnd64 | undefined {
  const locator = readRange(source, endStart - 20, endStart)
  if (locator === undefined || view(locator).getUint32(0, true) !== zipSignatures.locator64) {
    return undefined
  }
  const recordStart = Number(view(locator).getBigUint64(8, true))
  const record = readRange(source, recordStart, recordStart + 56)
  if (record === undefined || view(record).getUint32(0, true) !== zipSignatures.end64) {
    return undefined
  }
  const centralBytes = Number(view(record).getBigUint64(40, true))
  const centralStart = Number(view(record).getBigUint64(48, true))
  const centralEnd = centralStart + centralBytes
  if (centralEnd > recordStart) return undefined
  const declaredEntries = Number(view(record).getBigUint64(32, true))
  return { base: 0, centralStart, centralEnd, declaredEntries }
}

interface CentralHeader {
  readonly bytes: Uint8Array
  readonly method: number
  readonly flags: number
  readonly crc: number
  readonly packedBytes: number
  readonly contentBytes: number
  readonly offset: number
}

/** Undefined unless headers fill the directory exactly. */
function splitCentral(central: Uint8Array): CentralHeader[] | undefined {
  const words = view(central)
  const headers: CentralHeader[] = []
  let at = 0
  while (at < central.length) {
    if (at + centralFixedBytes > central.length) return undefined
    if (words.getUint32(at, true) !== zipSignatures.central) return undefined
    const nameBytes = words.getUint16(at + 28, true)
    const extraBytes = words.getUint16(at + 30, true)
    const bytes = centralFixedBytes + nameBytes + extraBytes + words.getUint16(at + 32, true)
    if (at + bytes > central.length || headers.length >= archiveLimits.entriesMax) return undefined
    const header = central.subarray(at, at + bytes)
    const extraStart = centralFixedBytes + nameBytes
    const extra = header.subarray(extraStart, extraStart + extraBytes)
    headers.push(readCentral(header, extra))
    at += bytes
  }
  return headers
}

function readCentral(bytes: Uint8Array, extra: Uint8Array): CentralHeader {
  const words = view(bytes)
  const large = zip64Values(extra)
  const wide = (position: number): number => {
    const value = words.getUint32(position, true)
    return value === 0xffffffff ? (large.shift() ?? value) : value
  }
  const contentBytes = wide(24)
  const packedBytes = wide(20)
  const offset = wide(42)
  return {
    bytes,
    flags: words.getUint16(8, true),
    method: words.getUint16(10, true),
    crc: words.getUint32(16, true),
    packedBytes,
    contentBytes,
    offset,
  }
}

/** The eight-byte values of a zip64 extra field (4.5.3), in their order. */
function zip64Values(extra: Uint8Array): number[] {
  const words = view(extra)
  for (let at = 0; at + 4 <= extra.length; ) {
    const bytes = words.getUint16(at + 2, true)
    if (words.getUint16(at, true) === 1 && at + 4 + bytes <= extra.length) {
      const count = Math.min(3, Math.floor(bytes / 8))
      return Array.from({ length: count }, (_, index) =>
        Number(words.getBigUint64(at + 4 + index * 8, true)),
      )
    }
    at += 4 + bytes
  }
  return []
}

interface Bounds {
  readonly base: number
  /** End of the entry before. */
  readonly floor: number
  /** Start of the entry behind, or of the directory. */
  readonly ceiling: number
}

function locateEntry(
  source: ByteSource,
  header: CentralHeader,
  bounds: Bounds,
): ZipEntry | undefined {
  const localStart = bounds.base + header.offset
  if (localStart < bounds.floor || localStart + localFixedBytes > bounds.ceiling) return undefined
  const fixed = readRange(source, localStart, localStart + localFixedBytes)
  if (fixed === undefined || view(fixed).getUint32(0, true) !== zipSignatures.local) {
    return undefined
  }
  const words = view(fixed)
  const dataStart =
    localStart + localFixedBytes + words.getUint16(26, true) + words.getUint16(28, true)
  const dataEnd = dataStart + header.packedBytes
  if (dataEnd > bounds.ceiling) return undefined
  const local = readRange(source, localStart, dataStart)
  if (local === undefined) return undefined
  const tail = readRange(source, dataEnd, Math.min(bounds.ceiling, dataEnd + 24))
  const hasDescriptor = (words.getUint16(6, true) & 8) !== 0
  const descriptor = tail === undefined || !hasDescriptor ? 0 : recognizeDescriptor(tail, header)
  return {
    localStart,
    dataStart,
    dataEnd,
    descriptor,
    end: dataEnd + (descriptorForms[descriptor]?.bytes ?? 0),
    local,
    central: header.bytes,
    method: header.method,
    encrypted: (header.flags & 1) !== 0,
    crc: header.crc,
    contentBytes: header.contentBytes,
  }
}

/** The first form whose bytes the tail starts with. */
function recognizeDescriptor(tail: Uint8Array, header: CentralHeader): number {
  const found = descriptorForms.findIndex((form, index) => {
    if (index === 0 || form.bytes > tail.length) return false
    const expected = makeDescriptor(index, header)
    return Buffer.compare(tail.subarray(0, form.bytes), expected) === 0
  })
  return Math.max(0, found)
}

/** The bytes of a data descriptor (APPNOTE 4.3.9). */
export function makeDescriptor(
  form: number,
  sizes: { readonly crc: number; readonly packedBytes: number; readonly contentBytes: number },
): Uint8Array {
  const { signature, sizeBytes, bytes } = descriptorForms[form] ?? descriptorForms[0]
  const made = new Uint8Array(bytes)
  if (bytes === 0) return made
  const words = view(made)
  let at = 0
  if (signature) {
    words.setUint32(0, zipSignatures.descriptor, true)
    at = 4
  }
  words.setUint32(at, sizes.crc, true)
  for (const [index, value] of [sizes.packedBytes, sizes.contentBytes].entries()) {
    const position = at + 4 + index * sizeBytes
    if (sizeBytes === 8) words.setBigUint64(position, BigInt(value), true)
    else words.setUint32(position, value % 2 ** 32, true)
  }
  return made
}
