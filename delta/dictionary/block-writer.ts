import { BitWriter } from './bit-writer.ts'
import { describeCounts, FseEncoder } from './fse-encoder.ts'
import { costInBits, normalise, tableLogFor } from './fse-layout.ts'
import { buildHuffman, type HuffmanCode, huffmanCost } from './huffman-encoder.ts'
import { compressedLiterals, literalsHead, rawLiterals } from './literals-section.ts'
import { nextRepeats, offsetValue, type Repeats } from './repeat-offsets.ts'
import type { Sequence } from './sequence.ts'
import {
  type CodeKind,
  firstRepeats,
  highestBit,
  literalBases,
  literalBits,
  literalCode,
  literalKind,
  matchBases,
  matchBits,
  matchCode,
  matchKind,
  offsetKind,
} from './zstd-codes.ts'

type Tables = Partial<Record<CodeKind['name'], FseEncoder>>

/** What later blocks may refer to. */
interface Memory {
  readonly repeats: Repeats
  readonly huffman: HuffmanCode | undefined
  readonly tables: Tables
}

/** Writes the blocks of one frame (RFC 8878 3.1.1.2); remembers what the next may reuse. */
export class BlockWriter {
  #memory: Memory = { repeats: [...firstRepeats], huffman: undefined, tables: {} }

  /** One block with its head: compressed when that is smaller, else as it is. */
  write(content: Uint8Array, sequences: readonly Sequence[], isLast: boolean): Uint8Array {
    const literals = gatherLiterals(content, sequences)
    const before = this.#memory
    const body = Buffer.concat([this.#literals(literals), this.#sequences(sequences)])
    if (body.byteLength < content.byteLength) return withHead(body, body.byteLength, 2, isLast)
    this.#memory = before
    return withHead(content, content.byteLength, 0, isLast)
  }

  #literals(bytes: Uint8Array): Uint8Array {
    const occurrences = new Array<number>(256).fill(0)
    for (const byte of bytes) occurrences[byte] = (occurrences[byte] ?? 0) + 1
    const plain = rawLiterals(bytes)
    // RFC 8878 3.1.1.3.1: below this a code cannot earn back its description.
    if (bytes.byteLength < 32) return plain
    if (occurrences[bytes[0] ?? 0] === bytes.byteLength) {
      return Buffer.concat([literalsHead(1, bytes.byteLength), bytes.subarray(0, 1)])
    }
    const earlier = this.#memory.huffman
    const fresh = buildHuffman(occurrences)
    const freshBits =
      fresh === undefined
        ? Number.POSITIVE_INFINITY
        : huffmanCost(occurrences, fresh) + fresh.description.byteLength * 8
    const earlierBits =
      earlier === undefined ? Number.POSITIVE_INFINITY : huffmanCost(occurrences, earlier)
    // A code that lacks one of the bytes costs infinitely much, as no code does.
    const isRepeated = Number.isFinite(earlierBits) && earlierBits <= freshBits
    const code = isRepeated ? earlier : fresh
    if (code === undefined) return plain
    const coded = compressedLiterals(bytes, code, isRepeated)
    if (coded.byteLength >= plain.byteLength) return plain
    this.#memory = { ...this.#memory, huffman: code }
    return coded
  }

  #sequences(sequences: readonly Sequence[]): Uint8Array {
    const head = sequenceCount(sequences.length)
    if (sequences.length === 0) return head
    const codes = this.#codesOf(sequences)
    const literals = this.#chooseTable(literalKind, codes.literals)
    const offsets = this.#chooseTable(offsetKind, codes.offsets)
    const matches = this.#chooseTable(matchKind, codes.matches)
    const modes = (literals.mode << 6) | (offsets.mode << 4) | (matches.mode << 2)
    const stream = encodeSequences(sequences, codes, [literals, offsets, matches])
    const descriptions = [literals.description, offsets.description, matches.description]
    return Buffer.concat([head, Uint8Array.of(modes), ...descriptions, stream])
  }

  #codesOf(sequences: readonly Sequence[]): Codes {
    const count = sequences.length
    const codes: Codes = {
      literals: new Uint8Array(count),
      offsets: new Uint8Array(count),
      matches: new Uint8Array(count),
      offsetValues: new Uint32Array(count),
    }
    let { repeats } = this.#memory
    for (const [i, { literals, match, offset }] of sequences.entries()) {
      const value = offsetValue(repeats, offset, literals === 0)
      repeats = nextRepeats(repeats, offset, value, literals === 0)
      codes.literals[i] = literalCode(literals)
      codes.offsets[i] = highestBit(value)
      codes.matches[i] = matchCode(match)
      codes.offsetValues[i] = value
    }
    this.#memory = { ...this.#memory, repeats }
    return codes
  }

  /** The cheapest of RFC 8878 3.1.1.3.2.1's modes: predefined, one code, described, repeated. */
  #chooseTable(kind: CodeKind, codes: Uint8Array): ChosenTable {
    const last = codes.reduce((most, code) => Math.max(most, code), 0)
    const occurrences = new Array<number>(last + 1).fill(0)
    for (const code of codes) occurrences[code] = (occurrences[code] ?? 0) + 1
    if (occurrences[last] === codes.length && codes.length > 2) {
      this.#remember(kind, undefined)
      return { mode: 1, description: Uint8Array.of(last), encoder: undefined }
    }
    const none = new Uint8Array(0)
    const predefined = predefinedTable(kind)
    let chosen: ChosenTable = { mode: 0, description: none, encoder: predefined }
    let bits = costInBits(occurrences, predefined.counts, predefined.log)
    const earlier = this.#memory.tables[kind.name]
    if (earlier !== undefined) {
      const earlierBits = costInBits(occurrences, earlier.counts, earlier.log)
      if (earlierBits < bits) {
        chosen = { mode: 3, description: none, encoder: earlier }
        bits = earlierBits
      }
    }
    const log = tableLogFor(codes.length, last, kind.logMax)
    const counts = normalise(occurrences, log)
    const description = describeCounts(counts, log)
    // Two codes at least: a table of one state cannot be described.
    if (
      occurrences[last] !== codes.length &&
      costInBits(occurrences, counts, log) + description.byteLength * 8 < bits
    ) {
      chosen = { mode: 2, description, encoder: new FseEncoder(counts, log) }
    }
    this.#remember(kind, chosen.encoder)
    return chosen
  }

  #remember(kind: CodeKind, encoder: FseEncoder | undefined): void {
    const tables: Tables = { ...this.#memory.tables }
    if (encoder === undefined) delete tables[kind.name]
    else tables[kind.name] = encoder
    this.#memory = { ...this.#memory, tables }
  }
}

interface Codes {
  readonly literals: Uint8Array
  readonly offsets: Uint8Array
  readonly matches: Uint8Array
  readonly offsetValues: Uint32Array
}

interface ChosenTable {
  readonly mode: 0 | 1 | 2 | 3
  readonly description: Uint8Array
  /** Undefined when there is one code only: its states take no bits. */
  readonly encoder: FseEncoder | undefined
}

const predefinedTables = new Map<CodeKind, FseEncoder>()

function predefinedTable(kind: CodeKind): FseEncoder {
  const known = predefinedTables.get(kind)
  if (known !== undefined) return known
  const made = new FseEncoder(kind.predefined, kind.predefinedLog)
  predefinedTables.set(kind, made)
  return made
}

/** RFC 8878 3.1.1.3.2.1: extra bits and states, from the last sequence to the first. */
function encodeSequences(
  sequences: readonly Sequence[],
  codes: Codes,
  [literals, offsets, matches]: readonly [ChosenTable, ChosenTable, ChosenTable],
): Uint8Array {
  const out = new BitWriter(sequences.length * 6 + 16)
  const last = sequences.length - 1
  const code = (of: Uint8Array, i: number): number => of[i] ?? 0
  let matchState = matches.encoder?.begin(code(codes.matches, last)) ?? 0
  let offsetState = offsets.encoder?.begin(code(codes.offsets, last)) ?? 0
  let literalState = literals.encoder?.begin(code(codes.literals, last)) ?? 0
  for (let i = last; i >= 0; i--) {
    const literalCodeHere = code(codes.literals, i)
    const matchCodeHere = code(codes.matches, i)
    const offsetCodeHere = code(codes.offsets, i)
    if (i < last) {
      offsetState = offsets.encoder?.encode(out, offsetState, offsetCodeHere) ?? 0
      matchState = matches.encoder?.encode(out, matchState, matchCodeHere) ?? 0
      literalState = literals.encoder?.encode(out, literalState, literalCodeHere) ?? 0
    }
    const sequence = sequences[i] as Sequence
    out.add(
      sequence.literals - (literalBases[literalCodeHere] ?? 0),
      literalBits[literalCodeHere] ?? 0,
    )
    out.add(sequence.match - (matchBases[matchCodeHere] ?? 0), matchBits[matchCodeHere] ?? 0)
    out.add((codes.offsetValues[i] ?? 0) - 2 ** offsetCodeHere, offsetCodeHere)
  }
  matches.encoder?.finish(out, matchState)
  offsets.encoder?.finish(out, offsetState)
  literals.encoder?.finish(out, literalState)
  return out.close()
}

function gatherLiterals(content: Uint8Array, sequences: readonly Sequence[]): Uint8Array {
  const literals = new Uint8Array(content.byteLength)
  let from = 0
  let length = 0
  for (const { literals: count, match } of sequences) {
    literals.set(content.subarray(from, from + count), length)
    length += count
    from += count + match
  }
  literals.set(content.subarray(from), length)
  return literals.subarray(0, length + content.byteLength - from)
}

function withHead(body: Uint8Array, size: number, type: 0 | 2, isLast: boolean): Uint8Array {
  const head = (size << 3) | (type << 1) | (isLast ? 1 : 0)
  return Buffer.concat([Uint8Array.of(head & 0xff, (head >>> 8) & 0xff, head >>> 16), body])
}

function sequenceCount(count: number): Uint8Array {
  if (count < 128) return Uint8Array.of(count)
  if (count < 0x7f00) return Uint8Array.of((count >>> 8) + 128, count & 0xff)
  return Uint8Array.of(255, (count - 0x7f00) & 0xff, (count - 0x7f00) >>> 8)
}
