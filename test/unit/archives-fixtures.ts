import { crc32 } from 'node:zlib'
import pako from 'pako'
import { memorySource } from '../../delta/archives/byte-source.ts'
import { createRebuilder, unpackArchive, unpackForBase } from '../../delta/archives/index.ts'

/** A seeded generator of whole numbers below a bound; the same on all machines. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Words with the repetitions of natural text. */
export function sampleText(bytes: number, seed = 1): Uint8Array {
  const next = seeded(seed)
  const words = Array.from({ length: 600 }, () =>
    String.fromCharCode(...Array.from({ length: 2 + next(9) }, () => 97 + next(26))),
  )
  const parts: string[] = []
  for (let length = 0; length < bytes; ) {
    const word = words[Math.min(next(600), next(600))] ?? ''
    parts.push(word, ' ')
    length += word.length + 1
  }
  return Buffer.from(parts.join(''), 'latin1').subarray(0, bytes)
}

/** Long runs with a few letters between them: blocks of it end early in Info-ZIP's deflate. */
export function sampleRuns(bytes: number, seed = 1): Uint8Array {
  const next = seeded(seed)
  const made = Buffer.alloc(bytes, 120)
  for (let at = 0; at + 504 <= bytes; at += 504) {
    for (let letter = 0; letter < 4; letter++) made[at + letter] = 97 + next(26)
  }
  return made
}

/** Bytes that no compressor shrinks. */
export function noise(bytes: number, seed = 1): Uint8Array {
  const next = seeded(seed)
  return Uint8Array.from({ length: bytes }, () => next(256))
}

export interface FixtureEntry {
  readonly name: string
  readonly content: Uint8Array
  /** Overrides the deflate stream; by default level 6. */
  readonly packed?: Uint8Array
  readonly stored?: boolean
  readonly descriptor?: boolean
  readonly encrypted?: boolean
  readonly time?: number
  readonly extra?: Uint8Array
  readonly crc?: number
}

interface ZipOptions {
  readonly comment?: string
  readonly prefix?: Uint8Array
  readonly reverseDirectory?: boolean
  readonly zip64?: boolean
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 255, (value >> 8) & 255)
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24)
}

function u64(value: number): Uint8Array {
  return Buffer.concat([u32(value % 2 ** 32), u32(Math.floor(value / 2 ** 32))])
}

function packedOf(entry: FixtureEntry): Uint8Array {
  if (entry.packed !== undefined) return entry.packed
  return entry.stored === true ? entry.content : pako.deflateRaw(entry.content, { level: 6 })
}

/** A zip file in memory. */
export function makeZip(entries: readonly FixtureEntry[], options: ZipOptions = {}): Uint8Array {
  const parts: Uint8Array[] = options.prefix === undefined ? [] : [options.prefix]
  let at = options.prefix?.length ?? 0
  const central: Uint8Array[] = []
  for (const entry of entries) {
    const packed = packedOf(entry)
    const crc = u32(entry.crc ?? crc32(entry.content))
    const large = options.zip64 === true
    const sizes = [u32(packed.length), u32(entry.content.length)]
    const flags = (entry.descriptor === true ? 8 : 0) + (entry.encrypted === true ? 1 : 0)
    const method = entry.stored === true ? 0 : 8
    const common = [u16(flags), u16(method), u32(entry.time ?? 0x3c210000)]
    const name = Buffer.from(entry.name)
    const wide = Buffer.concat([u16(1), u16(16), u64(entry.content.length), u64(packed.length)])
    const extra = large ? wide : (entry.extra ?? new Uint8Array(0))
    const ones = [u32(0xffffffff), u32(0xffffffff)]
    const shown = large ? ones : sizes
    const localSizes = entry.descriptor === true ? [u32(0), u32(0), u32(0)] : [crc, ...shown]
    const lengths = [u16(name.length), u16(extra.length)]
    const local = Buffer.concat([
      ...[u32(0x04034b50), u16(20), ...common, ...localSizes, ...lengths, name, extra, packed],
      ...(entry.descriptor === true ? [u32(0x08074b50), crc, ...sizes] : []),
    ])
    central.push(
      Buffer.concat([
        ...[u32(0x02014b50), u16(20), u16(20), ...common, crc, ...shown, ...lengths],
        ...[u16(0), u16(0), u16(0), u32(0), u32(at), name, extra],
      ]),
    )
    parts.push(local)
    at += local.length
  }
  if (options.reverseDirectory === true) central.reverse()
  const directory = Buffer.concat(central)
  parts.push(directory)
  if (options.zip64 === true) {
    parts.push(
      ...[u32(0x06064b50), u64(44), u16(45), u16(45), u32(0), u32(0), u64(entries.length)],
      ...[u64(entries.length), u64(directory.length), u64(at)],
      ...[u32(0x07064b50), u32(0), u64(at + directory.length), u32(1)],
    )
  }
  const comment = Buffer.from(options.comment ?? '')
  const counts = options.zip64 === true ? 0xffff : entries.length
  const offset = options.zip64 === true ? 0xffffffff : at
  parts.push(
    ...[u32(0x06054b50), u16(0), u16(0), u16(counts), u16(counts), u32(directory.length)],
    ...[u32(offset), u16(comment.length), comment],
  )
  return Buffer.concat(parts)
}

/** A gzip member around a deflate stream. */
export function makeGzip(content: Uint8Array, packed?: Uint8Array, name?: string): Uint8Array {
  const stream = packed ?? pako.deflateRaw(content, { level: 9 })
  const header = Uint8Array.of(0x1f, 0x8b, 8, name === undefined ? 0 : 8, 0, 0, 0, 0, 2, 3)
  const nameBytes = name === undefined ? new Uint8Array(0) : Buffer.from(`${name}\0`)
  return Buffer.concat([header, nameBytes, stream, u32(crc32(content)), u32(content.length)])
}

/** A tar file in memory. */
export function makeTar(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const parts: Uint8Array[] = []
  for (const [name, content] of Object.entries(files)) {
    const header = Buffer.alloc(512)
    header.write(name, 0)
    header.write('0000644\0', 100)
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
    header.write('14567543210\0', 136)
    header.write('0', 156)
    header.write('ustar\x0000', 257)
    parts.push(header, content, Buffer.alloc((512 - (content.length % 512)) % 512))
  }
  parts.push(Buffer.alloc(1024))
  return Buffer.concat(parts)
}

/** Feeds a view in pieces of the given size. */
export function rebuild(
  archive: { readonly view: Uint8Array; readonly recipe: Uint8Array },
  outputBytes: number,
  pieceBytes = 1000,
): Uint8Array {
  const pieces: Uint8Array[] = []
  const limits = { viewBytes: archive.view.length, outputBytes }
  const rebuilder = createRebuilder(archive.recipe, limits, (piece) => pieces.push(piece.slice()))
  for (let at = 0; at < archive.view.length; at += pieceBytes) {
    rebuilder.write(archive.view.subarray(at, at + pieceBytes))
  }
  rebuilder.end()
  return Buffer.concat(pieces)
}

/** What unpacking and rebuilding an archive gives. */
export function roundTrip(bytes: Uint8Array) {
  const unpacked = unpackArchive(bytes)
  if (unpacked === undefined) return undefined
  return { ...unpacked, rebuilt: rebuild(unpacked, bytes.length) }
}

/** The view of an old file. */
export function baseView(bytes: Uint8Array): Uint8Array | undefined {
  const pieces: Uint8Array[] = []
  const done = unpackForBase(memorySource(bytes), (piece) => pieces.push(piece.slice()))
  return done === undefined ? undefined : Buffer.concat(pieces)
}
