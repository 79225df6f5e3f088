import { type ByteSource, readRange, sameBytes, view } from './byte-source.ts'
import { archiveLimits } from './limits.ts'
import { encodeVarint } from './varint.ts'
import { centralFlag, endFlag, entryFlag, operation } from './view-grammar.ts'
import { entryStream } from './packed-streams.ts'
import {
  type Content,
  heldContent,
  type InnerWriter,
  type KeptEntries,
  type PackedStream,
  type ViewContext,
  writeBytes,
  writeHead,
} from './view-context.ts'
import type { ZipEntry, ZipStructure } from './zip-structure.ts'

/** Writes the records of a zip file: gaps, entries, directory, end record, what follows. */
export function writeZip(source: ByteSource, zip: ZipStructure, context: ViewContext): void {
  let at = 0
  let before: ZipEntry | undefined
  for (let i = 0; i < zip.entries.length; i++) {
    const entry = zip.entries[i] as ZipEntry
    writeBytes(source, { start: at, end: entry.localStart }, context)
    const kept = context.kept?.(zip, i)
    if (kept === undefined) {
      at = writeEntry(source, { entry, before, base: zip.base }, context)
      before = entry
    } else {
      i += kept.count - 1
      const { end } = zip.entries[i] as ZipEntry
      writeKept(source, { start: entry.localStart, end }, kept, context)
      at = end
      before = undefined
    }
  }
  writeBytes(source, { start: at, end: zip.centralStart }, context)
  writeCentral(zip, context)
  writeBytes(source, { start: zip.centralEnd, end: zip.endStart }, context)
  const end = readRange(source, zip.endStart, zip.endEnd) ?? new Uint8Array(0)
  writeHead(context, operation.end, zip.endRegular ? endFlag.regular : 0)
  context.emit(zip.endRegular ? end.subarray(20) : end.subarray(4))
  writeBytes(source, { start: zip.endEnd, end: source.size }, context)
}

/** Entries as they are: their central headers, then everything from the first to the last. */
function writeKept(
  source: ByteSource,
  range: { readonly start: number; readonly end: number },
  kept: KeptEntries,
  context: ViewContext,
): void {
  const centrals = Buffer.concat(kept.centrals)
  writeHead(context, operation.kept, kept.count, centrals.length, range.end - range.start)
  context.emit(centrals)
  copyWithoutHead(source, range, context)
}

function writeCentral(zip: ZipStructure, context: ViewContext): void {
  const permuted = zip.centralOrder.some((entry, index) => entry !== index)
  writeHead(context, operation.central, permuted ? centralFlag.permuted : 0, zip.base)
  if (!permuted) return
  for (const entry of zip.centralOrder) context.emit(encodeVarint(entry))
}

interface EntryPlace {
  readonly entry: ZipEntry
  readonly before: ZipEntry | undefined
  readonly base: number
}

/** Returns the position behind what the record stands for. */
function writeEntry(source: ByteSource, place: EntryPlace, context: ViewContext): number {
  const { entry } = place
  const stream = entryStream(source, entry)
  const unpacked = stream !== undefined && context.policy.accepts(stream) ? stream : undefined
  if (unpacked !== undefined) context.policy.written(unpacked)
  const content = unpacked?.content ?? storedContent(source, entry)
  const sizes = content !== undefined && context.policy.hasCrc(content, entry.crc)
  const held = sizes ? content.held : undefined
  const inner = held === undefined ? undefined : context.inner?.(held)
  const flags = entryFlags(place, { unpacked, sizes, nested: inner !== undefined })
  writeHead(context, operation.entry, flags)
  const packed = { start: entry.dataStart, end: entry.dataEnd }
  if (inner === undefined) {
    context.emit(encodeVarint(unpacked?.content.bytes ?? packed.end - packed.start))
  }
  writeHeaders(entry, flags, context)
  if (inner !== undefined) writeNested(inner, context)
  else if (unpacked !== undefined) unpacked.content.each(context.emit)
  else if (content?.held !== undefined) context.emit(content.held)
  else copyWithoutHead(source, packed, context)
  return sizes ? entry.end : entry.dataEnd
}

/** The content of an entry that is stored as it is and held in memory. */
function storedContent(source: ByteSource, entry: ZipEntry): Content | undefined {
  const bytes = entry.dataEnd - entry.dataStart
  if (entry.method !== 0 || entry.encrypted || bytes !== entry.contentBytes) return undefined
  if (bytes > archiveLimits.heldBackMax) return undefined
  const held = readRange(source, entry.dataStart, entry.dataEnd)
  return held === undefined ? undefined : heldContent(held)
}

function writeNested(writer: InnerWriter, context: ViewContext): void {
  const inside = { ...context, inner: undefined, kept: undefined }
  writer(inside)
  writeHead(inside, operation.close, 0)
}

function copyWithoutHead(
  source: ByteSource,
  range: { readonly start: number; readonly end: number },
  context: ViewContext,
): void {
  for (let at = range.start; at < range.end; at += archiveLimits.pieceBytes) {
    const end = Math.min(range.end, at + archiveLimits.pieceBytes)
    context.emit(readRange(source, at, end) ?? new Uint8Array(0))
  }
}

interface EntryForm {
  readonly unpacked: PackedStream | undefined
  readonly sizes: boolean
  readonly nested: boolean
}

function entryFlags(place: EntryPlace, form: EntryForm): number {
  const { entry, before } = place
  const { local, central } = entry
  const packedBytes = entry.dataEnd - entry.dataStart
  const plainSizes = sizesAre(central, 16, { ...entry, packedBytes })
  const sizes = form.sizes && plainSizes
  const localSizes =
    sizes &&
    packedBytes <= archiveLimits.heldBackMax &&
    sizesAre(local, 14, { ...entry, packedBytes })
  const sameTime =
    before !== undefined && sameBytes(local.subarray(10, 14), before.local.subarray(10, 14))
  const offset = entry.localStart - place.base === view(central).getUint32(42, true)
  let flags = 0
  if (form.unpacked !== undefined) flags += entryFlag.deflated
  if (form.nested) flags += entryFlag.nested
  if (sizes) flags += entryFlag.sizes
  if (localSizes) flags += entryFlag.localSizes
  if (sameTime) flags += entryFlag.sameTime
  if (headersShare(local, central)) flags += entryFlag.shared
  if (offset) flags += entryFlag.offset
  return flags + (form.sizes ? entry.descriptor * entryFlag.descriptorUnit : 0)
}

interface Sizes {
  readonly crc: number
  readonly packedBytes: number
  readonly contentBytes: number
}

function sizesAre(header: Uint8Array, position: number, sizes: Sizes): boolean {
  const words = view(header)
  return (
    words.getUint32(position, true) === sizes.crc &&
    words.getUint32(position + 4, true) === sizes.packedBytes &&
    words.getUint32(position + 8, true) === sizes.contentBytes
  )
}

/** Whether version needed to date, name length and name are the same. */
function headersShare(local: Uint8Array, central: Uint8Array): boolean {
  const nameBytes = view(local).getUint16(26, true)
  return (
    sameBytes(local.subarray(4, 14), central.subarray(6, 16)) &&
    nameBytes === view(central).getUint16(28, true) &&
    sameBytes(local.subarray(30, 30 + nameBytes), central.subarray(46, 46 + nameBytes))
  )
}

/** Both headers without what the flags say can be computed. */
function writeHeaders(entry: ZipEntry, flags: number, context: ViewContext): void {
  const { local, central } = entry
  const has = (flag: number): boolean => Math.floor(flags / flag) % 2 === 1
  context.emit(local.subarray(4, 10))
  if (!has(entryFlag.sameTime)) context.emit(local.subarray(10, 14))
  if (!has(entryFlag.localSizes)) context.emit(local.subarray(14, 26))
  context.emit(local.subarray(26))
  const shared = has(entryFlag.shared)
  context.emit(central.subarray(4, 6))
  if (!shared) context.emit(central.subarray(6, 16))
  if (!has(entryFlag.sizes)) context.emit(central.subarray(16, 28))
  if (!shared) context.emit(central.subarray(28, 30))
  context.emit(central.subarray(30, 42))
  if (!has(entryFlag.offset)) context.emit(central.subarray(42, 46))
  const nameBytes = shared ? view(central).getUint16(28, true) : 0
  context.emit(central.subarray(46 + nameBytes))
}
