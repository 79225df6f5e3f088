import { crc32 } from 'node:zlib'
import { outerContext, parseArchive, type Structure, writeArchive } from './archive-view.ts'
import { ByteRoom } from './byte-room.ts'
import { type ByteSource, memorySource, readRange, sameBytes } from './byte-source.ts'
import type { DeflateSettings } from './deflate-settings.ts'
import type { Deflater } from './deflater.ts'
import type { OldEntries } from './kept-entries.ts'
import { archiveLimits, type UnpackLimits } from './limits.ts'
import { createRebuilderWith, type DeflaterFactory } from './rebuilder.ts'
import { encodeRecipe } from './recipe.ts'
import { SettingsSearch } from './settings-search.ts'
import type { Content, PackedStream, StreamPolicy } from './view-context.ts'

/** An archive in a form that differences well, and how to get the archive back. */
export interface UnpackedArchive {
  readonly view: Uint8Array
  readonly recipe: Uint8Array
  /** Deflate streams that the view holds unpacked. */
  readonly unpackedStreams: number
  /** Deflate streams that no known settings re-create; they are in the view as they are. */
  readonly opaqueStreams: number
}

class ViewTooLarge extends Error {}

/**
 * Bytes to view and recipe; undefined when the file is not an archive or nothing in it can be
 * rebuilt exactly. Entries that `old` has just so stay packed. Each unpacked stream was deflated again
 * and compared, and the rebuilder was run on the result. The view is appended to `room`, and is outdated
 * when that grows; nothing is appended when the answer is undefined.
 */
export function unpackArchive(
  bytes: Uint8Array,
  limits: UnpackLimits = {},
  old?: OldEntries,
  room = new ByteRoom(bytes.length),
): UnpackedArchive | undefined {
  const viewBytesMax = limits.viewBytesMax ?? archiveLimits.viewBytesMax
  const source = memorySource(bytes)
  const structure = parseArchive(source, viewBytesMax)
  if (structure === undefined) return undefined
  const start = room.length
  const made = writeView({ bytes, source, structure, viewBytesMax, old }, room)
  if (made === undefined) room.resize(start)
  return made
}

interface Archive {
  readonly bytes: Uint8Array
  readonly source: ByteSource
  readonly structure: Structure
  readonly viewBytesMax: number
  readonly old: OldEntries | undefined
}

function writeView(archive: Archive, room: ByteRoom): UnpackedArchive | undefined {
  const { bytes, source, structure, viewBytesMax, old } = archive
  const policy = new MakingPolicy()
  const start = room.length
  const emit = (piece: Uint8Array): void => {
    if (room.length - start + piece.length > viewBytesMax) throw new ViewTooLarge()
    room.append(piece)
  }
  const context = outerContext(policy, emit, (zip, entry) => old?.keptFrom(bytes, zip, entry))
  try {
    writeArchive(source, structure, context)
  } catch (error) {
    if (error instanceof ViewTooLarge) return undefined
    throw error
  }
  if (policy.writtenStreams.length === 0) return undefined
  const recipe = encodeRecipe(policy.writtenStreams.map((stream) => stream.settings))
  const view = Buffer.from(room.bytes.buffer, start, room.length - start)
  if (!rebuilds({ bytes, view, recipe }, policy.writtenStreams)) return undefined
  return {
    view,
    recipe,
    unpackedStreams: policy.writtenStreams.length,
    opaqueStreams: policy.opaqueStreams,
  }
}

interface WrittenStream {
  readonly stream: Pick<PackedStream, 'source' | 'start' | 'end'>
  readonly settings: DeflateSettings
  readonly crc: number
  readonly contentBytes: number
}

/** Accepts the streams whose settings are found. */
class MakingPolicy implements StreamPolicy {
  readonly writtenStreams: WrittenStream[] = []
  readonly #search = new SettingsSearch()
  readonly #decisions = new Map<ByteSource, Map<number, DeflateSettings | undefined>>()
  readonly #checksums = new WeakMap<Content, number>()
  opaqueStreams = 0

  accepts(stream: PackedStream): boolean {
    return this.#decide(stream) !== undefined
  }

  written(stream: PackedStream): void {
    const settings = this.#decide(stream)
    if (settings === undefined) throw new TypeError('a stream was written that was not accepted')
    const { source, start, end, content } = stream
    const crc = this.#checksum(content)
    const written = { source, start, end }
    this.writtenStreams.push({ stream: written, settings, crc, contentBytes: content.bytes })
  }

  hasCrc(content: Content, crc: number): boolean {
    return this.#checksum(content) === crc
  }

  #checksum(content: Content): number {
    const known = this.#checksums.get(content)
    if (known !== undefined) return known
    let crc = 0
    content.each((piece) => {
      crc = crc32(piece, crc)
    })
    this.#checksums.set(content, crc)
    return crc
  }

  #decide(stream: PackedStream): DeflateSettings | undefined {
    let decisions = this.#decisions.get(stream.source)
    if (decisions === undefined) {
      decisions = new Map()
      this.#decisions.set(stream.source, decisions)
    }
    if (decisions.has(stream.start)) return decisions.get(stream.start)
    const settings = this.#search.find(stream)
    if (settings === undefined) this.opaqueStreams++
    decisions.set(stream.start, settings)
    return settings
  }
}

interface Made {
  readonly bytes: Uint8Array
  readonly view: Uint8Array
  readonly recipe: Uint8Array
}

/**
 * Runs the rebuilder over the view. Its deflaters hand out the packed bytes that were compared
 * before, once they have seen the content that belongs to them, so that nothing is deflated twice.
 */
function rebuilds(made: Made, streams: readonly WrittenStream[]): boolean {
  let position = 0
  let same = true
  const factory: DeflaterFactory = (_settings, index, emit) => replay(streams[index], emit)
  const limits = { viewBytes: made.view.length, outputBytes: made.bytes.length }
  const rebuilder = createRebuilderWith(factory, made.recipe, limits, (piece) => {
    same &&= sameBytes(piece, made.bytes.subarray(position, position + piece.length))
    position += piece.length
  })
  rebuilder.write(made.view)
  rebuilder.end()
  return same && position === made.bytes.length
}

function replay(written: WrittenStream | undefined, emit: (piece: Uint8Array) => void): Deflater {
  let crc = 0
  let contentBytes = 0
  return {
    push(piece) {
      crc = crc32(piece, crc)
      contentBytes += piece.length
    },
    finish() {
      if (written === undefined || crc !== written.crc) return
      if (contentBytes !== written.contentBytes) return
      const { source, start, end } = written.stream
      const packed = readRange(source, start, end)
      if (packed !== undefined) emit(packed)
    },
  }
}
