import { formatError } from './format-errors.ts'
import { limits } from './limits.ts'
import { refuseManifest, tooManyEntries } from './check-manifest.ts'

/** Bytes of a document from `from` up to, but not including, `to`. */
export interface ByteSpan {
  readonly from: number
  readonly to: number
}

/** Where the parts of a manifest document lie, found without making values of them. */
export interface ManifestOutline {
  /** What stands between the brackets of `entries`; undefined when no such list is there. */
  readonly list: ByteSpan | undefined
  /** The entries in groups, each of whole ones; the commas between groups are in none. */
  readonly groups: readonly ByteSpan[]
}

/** Bytes of a group at least: few enough to be parsed between two requests. */
const groupBytes = 64 * 1024
/** Bytes that are looked at in one step. */
const stepBytes = 256 * 1024

/** JSON values of a file's entry with the comma behind it: it has the most members. */
const entryValuesMax = 7

const quote = 0x22
const comma = 0x2c
const backslash = 0x5c
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/**
 * Reads the outline of a manifest in steps, and refuses what no manifest has before a parser makes
 * values of it: a few bytes, compressed, are millions of values. Which bytes are JSON at all, and
 * canonical, only parsing the parts tells.
 * @throws LW_FORMAT_DOCUMENT when there are more entries, or more of anything, than a manifest has
 * @throws LW_FORMAT_JSON when it is nested too deep or ends within its entries
 */
export function* outlineOf(bytes: Uint8Array): Generator<void, ManifestOutline> {
  const reader = new OutlineReader(bytes)
  for (let end = stepBytes; end < bytes.length; end += stepBytes) {
    reader.readTo(end)
    yield
  }
  reader.readTo(bytes.length)
  return reader.finish()
}

class OutlineReader {
  readonly #bytes: Uint8Array
  readonly #groups: ByteSpan[] = []
  #at = 0
  #isText = false
  #depth = 0
  /** Where the entries begin and end; -1 as long as that is not known. */
  #listFrom = -1
  #listTo = -1
  /** Values and bytes of what is no entry; values of the entry that is being read. */
  #headValues = 0
  #entryValues = 0
  #entries = 1
  #entryFrom = 0
  #groupFrom = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get #isInList(): boolean {
    return this.#listFrom >= 0 && this.#listTo < 0
  }

  readTo(end: number): void {
    const bytes = this.#bytes
    for (; this.#at < end; this.#at++) {
      const byte = bytes[this.#at]
      if (this.#isText) {
        // What a backslash escapes may lie in the next step: it is passed over there.
        if (byte === backslash) this.#at++
        else if (byte === quote) this.#isText = false
      } else if (byte === quote) this.#isText = true
      else if (byte === comma) this.#divide()
      else if (byte === openBrace || byte === openBracket) this.#open(byte)
      else if (byte === closeBrace || byte === closeBracket) this.#close(byte)
    }
    this.#refuseBulk()
  }

  finish(): ManifestOutline {
    const groups = this.#groups
    if (this.#listFrom < 0) return { list: undefined, groups }
    if (this.#listTo < 0) refuseJson('It ends within its entries.')
    return { list: { from: this.#listFrom, to: this.#listTo }, groups }
  }

  #open(byte: number): void {
    if (++this.#depth > limits.jsonDepthMax) refuseJson('It is nested too deep.')
    this.#count()
    const isList = byte === openBracket && this.#depth === 2 && this.#listFrom < 0
    if (!isList || !isNamedEntries(this.#bytes, this.#at)) return
    this.#listFrom = this.#at + 1
    this.#entryFrom = this.#listFrom
    this.#groupFrom = this.#listFrom
  }

  #close(byte: number): void {
    if (--this.#depth !== 1 || !this.#isInList) return
    if (byte !== closeBracket) refuseJson('A list ends as if it were an object.')
    this.#refuseBulk()
    this.#listTo = this.#at
    if (this.#listFrom < this.#at) this.#groups.push({ from: this.#groupFrom, to: this.#at })
  }

  #divide(): void {
    this.#count()
    if (!this.#isInList || this.#depth !== 2) return
    this.#refuseBulk()
    if (++this.#entries > limits.entriesMax) refuseManifest([tooManyEntries])
    this.#entryValues = 0
    this.#entryFrom = this.#at + 1
    if (this.#at - this.#groupFrom < groupBytes) return
    this.#groups.push({ from: this.#groupFrom, to: this.#at })
    this.#groupFrom = this.#at + 1
  }

  #count(): void {
    if (this.#isInList) {
      if (++this.#entryValues > entryValuesMax) refuseManifest(['an entry has too many members'])
    } else if (++this.#headValues > limits.manifestHeadValuesMax) {
      refuseManifest(['more members and items than a manifest has'])
    }
  }

  #refuseBulk(): void {
    if (this.#isInList && this.#at - this.#entryFrom > limits.manifestEntryBytesMax) {
      refuseManifest([`an entry of more than ${limits.manifestEntryBytesMax} bytes`])
    }
    const listBytes =
      this.#listFrom < 0 ? 0 : (this.#isInList ? this.#at : this.#listTo) - this.#listFrom
    if (this.#at - listBytes > limits.manifestHeadBytesMax) {
      refuseManifest([`more than ${limits.manifestHeadBytesMax} bytes besides its entries`])
    }
  }
}

/** Whether the list that opens at `at` is the member `entries` of the document itself. */
function isNamedEntries(bytes: Uint8Array, at: number): boolean {
  const before = at - nameOfList.length
  // Inside a text a quote has a backslash before it, so these bytes cannot end a longer name.
  if (before < 1 || (bytes[before - 1] !== openBrace && bytes[before - 1] !== comma)) return false
  return nameOfList.every((byte, index) => bytes[before + index] === byte)
}

const nameOfList = Buffer.from('"entries":')

function refuseJson(detail: string): never {
  throw formatError('LW_FORMAT_JSON', { detail })
}
