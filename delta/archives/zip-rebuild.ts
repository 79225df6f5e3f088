import { view } from './byte-source.ts'
import { refused } from './errors.ts'
import { archiveLimits } from './limits.ts'
import type { Output } from './rebuild-output.ts'
import { entryFlag } from './view-grammar.ts'
import { type Parser, take } from './view-pump.ts'
import { centralFixedBytes, localFixedBytes, zipSignatures } from './zip-structure.ts'

/** Checksum and sizes of an entry once its content has passed. */
export interface EntrySizes {
  readonly crc: number
  readonly packedBytes: number
  readonly contentBytes: number
}

/** Both headers of an entry, with room for what is computed. */
export interface EntryHeaders {
  readonly local: Uint8Array
  readonly central: Uint8Array
}

export function hasFlag(flags: number, flag: number): boolean {
  return Math.floor(flags / flag) % 2 === 1
}

/** Reads both headers as far as the view has them; `time` is that of the entry before. */
export function* takeHeaders(flags: number, time: Uint8Array): Parser<EntryHeaders> {
  const start = yield* take(6)
  const localTime = hasFlag(flags, entryFlag.sameTime) ? time : yield* take(4)
  const sizes = hasFlag(flags, entryFlag.localSizes) ? undefined : yield* take(12)
  const lengths = yield* take(4)
  const nameBytes = view(lengths).getUint16(0, true)
  const local = new Uint8Array(localFixedBytes + nameBytes + view(lengths).getUint16(2, true))
  view(local).setUint32(0, zipSignatures.local, true)
  local.set(start, 4)
  local.set(localTime, 10)
  if (sizes !== undefined) local.set(sizes, 14)
  local.set(lengths, 26)
  local.set(yield* take(local.length - localFixedBytes), localFixedBytes)
  return { local, central: yield* takeCentral(flags, local) }
}

function* takeCentral(flags: number, local: Uint8Array): Parser<Uint8Array> {
  const shared = hasFlag(flags, entryFlag.shared)
  const made = yield* take(2)
  const common = shared ? local.subarray(4, 14) : yield* take(10)
  const sizes = hasFlag(flags, entryFlag.sizes) ? undefined : yield* take(12)
  const nameLength = shared ? local.subarray(26, 28) : yield* take(2)
  const rest = yield* take(12)
  const offset = hasFlag(flags, entryFlag.offset) ? undefined : yield* take(4)
  const nameBytes = view(nameLength).getUint16(0, true)
  const tailBytes = view(rest).getUint16(0, true) + view(rest).getUint16(2, true)
  const central = new Uint8Array(centralFixedBytes + nameBytes + tailBytes)
  view(central).setUint32(0, zipSignatures.central, true)
  central.set(made, 4)
  central.set(common, 6)
  if (sizes !== undefined) central.set(sizes, 16)
  central.set(nameLength, 28)
  central.set(rest, 30)
  if (offset !== undefined) central.set(offset, 42)
  const name = shared ? local.subarray(30, 30 + nameBytes) : yield* take(nameBytes)
  central.set(name, centralFixedBytes)
  central.set(yield* take(tailBytes), centralFixedBytes + nameBytes)
  return central
}

/** Sets the computed fields of a header, whose checksum lies at `position`. */
export function setSizes(header: Uint8Array, position: number, sizes: EntrySizes): void {
  const words = view(header)
  words.setUint32(position, sizes.crc, true)
  words.setUint32(position + 4, sizes.packedBytes % 2 ** 32, true)
  words.setUint32(position + 8, sizes.contentBytes % 2 ** 32, true)
}

/** Collects central headers until the directory is written. */
export class CentralDirectory {
  readonly #headers: Uint8Array[] = []
  /** Positions of local headers, or -1 where the header has its own. */
  readonly #offsets: number[] = []
  #bytes = 0
  #written: { readonly start: number; readonly bytes: number } | undefined

  get entries(): number {
    return this.#headers.length
  }

  /** @throws LW_DELTA_ARCHIVE when the directory becomes larger than its limit. */
  add(header: Uint8Array, offset: number): void {
    this.#bytes += header.length
    if (this.#bytes > archiveLimits.centralBytesMax || this.entries >= archiveLimits.entriesMax) {
      throw refused('The central directory becomes too large.')
    }
    if (this.#written !== undefined) throw refused('An entry follows the central directory.')
    this.#headers.push(header)
    this.#offsets.push(offset)
  }

  /**
   * Adds headers that lie one after the other; their offsets count from that of the first, which
   * lies at `start`.
   * @throws LW_DELTA_ARCHIVE when they are not `count` headers, or reach beyond `bytes`
   */
  addKept(headers: Uint8Array, kept: { count: number; start: number; bytes: number }): void {
    const words = view(headers)
    let at = 0
    let first: number | undefined
    for (let i = 0; i < kept.count; i++) {
      const fixed = at + centralFixedBytes <= headers.length
      if (!fixed || words.getUint32(at, true) !== zipSignatures.central) throw notCentral()
      const offset = words.getUint32(at + 42, true)
      first ??= offset
      if (offset < first || offset - first > kept.bytes) throw notCentral()
      const tail = words.getUint16(at + 30, true) + words.getUint16(at + 32, true)
      const end = at + centralFixedBytes + words.getUint16(at + 28, true) + tail
      if (end > headers.length) throw notCentral()
      this.add(headers.subarray(at, end), kept.start + offset - first)
      at = end
    }
    if (at !== headers.length) throw notCentral()
  }

  /** Writes all headers; `start` is where the archive began in the output. */
  write(out: Output, options: { start: number; base: number; order?: readonly number[] }): void {
    if (this.#written !== undefined) throw refused('There are two central directories.')
    const { start, base, order } = options
    const before = out.position
    for (let place = 0; place < this.entries; place++) {
      const entry = order?.[place] ?? place
      const header = this.#headers[entry]
      const offset = this.#offsets[entry]
      if (header === undefined || offset === undefined) throw refused('An entry does not exist.')
      if (offset >= 0) view(header).setUint32(42, modulo32(offset - base), true)
      out.push(header)
    }
    this.#written = { start: before - start - base, bytes: this.#bytes }
  }

  /** The computed fields of an end record, from the number of this disk on. */
  endFields(): Uint8Array {
    if (this.#written === undefined) throw refused('The central directory is missing.')
    const fields = new Uint8Array(16)
    const words = view(fields)
    words.setUint16(4, this.entries % 2 ** 16, true)
    words.setUint16(6, this.entries % 2 ** 16, true)
    words.setUint32(8, this.#written.bytes % 2 ** 32, true)
    words.setUint32(12, modulo32(this.#written.start), true)
    return fields
  }
}

function notCentral(): Error {
  return refused('Kept entries have other headers than they say.')
}

function modulo32(value: number): number {
  return ((value % 2 ** 32) + 2 ** 32) % 2 ** 32
}
