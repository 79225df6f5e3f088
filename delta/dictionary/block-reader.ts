import { BitReader } from './bit-reader.ts'
import { FseDecoder, readCounts } from './fse-decoder.ts'
import { HuffmanDecoder } from './huffman-decoder.ts'
import { dictionaryLimits } from './limits.ts'
import { refuseFrame } from './refuse.ts'
import { nextRepeats, type Repeats } from './repeat-offsets.ts'
import {
  type CodeKind,
  firstRepeats,
  literalBases,
  literalBits,
  literalKind,
  matchBases,
  matchBits,
  matchKind,
  offsetKind,
} from './zstd-codes.ts'

/** Where decoded bytes go; it knows what matches may reach. */
export interface BlockOutput {
  literal(bytes: Uint8Array): void
  match(offset: number, length: number): void
}

/** Reads the compressed blocks of one frame (RFC 8878 3.1.1.3). */
export class BlockReader {
  readonly #output: BlockOutput
  #repeats: Repeats = firstRepeats
  #huffman: HuffmanDecoder | undefined
  readonly #tables: Partial<Record<CodeKind['name'], FseDecoder>> = {}

  constructor(output: BlockOutput) {
    this.#output = output
  }

  read(block: Uint8Array): void {
    const { literals, length } = this.#literals(block)
    this.#sequences(block.subarray(length), literals)
  }

  #literals(block: Uint8Array): { readonly literals: Uint8Array; readonly length: number } {
    const first = block[0] ?? refuseFrame('A block is empty')
    const type = first & 3
    const format = (first >>> 2) & 3
    if (type >= 2) return this.#compressedLiterals(block, type === 3, format)
    const headLength = format === 1 ? 2 : format === 3 ? 3 : 1
    const size = littleEndian(block, headLength) >>> (headLength === 1 ? 3 : 4)
    if (size > dictionaryLimits.blockBytesMax) refuseFrame('A block has too many literals')
    const bodyLength = type === 0 ? size : 1
    const body = block.subarray(headLength, headLength + bodyLength)
    if (body.byteLength < bodyLength) refuseFrame('Literals end too early')
    const literals = type === 0 ? body : new Uint8Array(size).fill(body[0] ?? 0)
    return { literals, length: headLength + bodyLength }
  }

  #compressedLiterals(
    block: Uint8Array,
    isRepeated: boolean,
    format: number,
  ): { readonly literals: Uint8Array; readonly length: number } {
    const bits = format <= 1 ? 10 : format === 2 ? 14 : 18
    const headLength = format <= 1 ? 3 : format + 2
    const head = littleEndian(block, headLength)
    const size = Math.floor(head / 16) % 2 ** bits
    const bodyLength = Math.floor(head / 2 ** (4 + bits)) % 2 ** bits
    if (size > dictionaryLimits.blockBytesMax) refuseFrame('A block has too many literals')
    let body = block.subarray(headLength, headLength + bodyLength)
    if (body.byteLength < bodyLength) refuseFrame('Literals end too early')
    if (!isRepeated) {
      const { decoder, length } = HuffmanDecoder.read(body)
      this.#huffman = decoder
      body = body.subarray(length)
    }
    const huffman = this.#huffman ?? refuseFrame('There is no Huffman code to repeat')
    const literals = new Uint8Array(size)
    if (format === 0) huffman.decode(body, literals)
    else decodeFour(huffman, body, literals)
    return { literals, length: headLength + bodyLength }
  }

  #sequences(bytes: Uint8Array, literals: Uint8Array): void {
    const { count, length } = readCount(bytes)
    if (count === 0) {
      if (bytes.byteLength !== length) refuseFrame('Bytes follow a block')
      this.#output.literal(literals)
      return
    }
    const modes = bytes[length] ?? refuseFrame('A block ends too early')
    if ((modes & 3) !== 0) refuseFrame('Reserved bits are set')
    let rest = bytes.subarray(length + 1)
    const table = (kind: CodeKind, mode: number, symbolMax: number): FseDecoder => {
      const read = this.#table(kind, mode, { rest, symbolMax })
      rest = read.rest
      return read.decoder
    }
    const literalTable = table(literalKind, modes >>> 6, 35)
    const offsetTable = table(offsetKind, (modes >>> 4) & 3, 30)
    const matchTable = table(matchKind, (modes >>> 2) & 3, 52)
    this.#run(count, literals, new BitReader(rest), [literalTable, offsetTable, matchTable])
  }

  #run(
    count: number,
    literals: Uint8Array,
    input: BitReader,
    [literalTable, offsetTable, matchTable]: readonly [FseDecoder, FseDecoder, FseDecoder],
  ): void {
    let literalState = input.read(literalTable.log)
    let offsetState = input.read(offsetTable.log)
    let matchState = input.read(matchTable.log)
    let used = 0
    for (let i = 0; i < count; i++) {
      const offsetCode = offsetTable.symbolOf(offsetState)
      const matchCode = matchTable.symbolOf(matchState)
      const literalCode = literalTable.symbolOf(literalState)
      const value = 2 ** offsetCode + input.read(offsetCode)
      const match = (matchBases[matchCode] ?? 0) + input.read(matchBits[matchCode] ?? 0)
      const before = (literalBases[literalCode] ?? 0) + input.read(literalBits[literalCode] ?? 0)
      const offset = this.#offset(value, before === 0)
      if (used + before > literals.byteLength) refuseFrame('Literals run out')
      this.#output.literal(literals.subarray(used, used + before))
      used += before
      this.#output.match(offset, match)
      if (i === count - 1) break
      literalState = literalTable.next(literalState, input)
      matchState = matchTable.next(matchState, input)
      offsetState = offsetTable.next(offsetState, input)
    }
    if (input.left !== 0) refuseFrame('Sequences do not end with their bits')
    this.#output.literal(literals.subarray(used))
  }

  #offset(value: number, noLiterals: boolean): number {
    let offset = value - 3
    if (value <= 3) {
      const place = value - 1 + (noLiterals ? 1 : 0)
      offset = place === 3 ? this.#repeats[0] - 1 : (this.#repeats[place] ?? 0)
    }
    if (offset <= 0) refuseFrame('An offset is 0')
    this.#repeats = nextRepeats(this.#repeats, offset, value, noLiterals)
    return offset
  }

  #table(
    kind: CodeKind,
    mode: number,
    { rest, symbolMax }: { readonly rest: Uint8Array; readonly symbolMax: number },
  ): { readonly decoder: FseDecoder; readonly rest: Uint8Array } {
    let decoder: FseDecoder
    let length = 0
    if (mode === 0) decoder = new FseDecoder(kind.predefined, kind.predefinedLog)
    else if (mode === 1) {
      const symbol = rest[0] ?? refuseFrame('A table is missing')
      if (symbol > symbolMax) refuseFrame('A table has too many symbols')
      decoder = FseDecoder.ofOne(symbol)
      length = 1
    } else if (mode === 2) {
      const read = readCounts(rest, { log: kind.logMax, symbol: symbolMax })
      decoder = new FseDecoder(read.counts, read.log)
      length = read.length
    } else decoder = this.#tables[kind.name] ?? refuseFrame('There is no table to repeat')
    this.#tables[kind.name] = decoder
    return { decoder, rest: rest.subarray(length) }
  }
}

function decodeFour(huffman: HuffmanDecoder, body: Uint8Array, into: Uint8Array): void {
  if (body.byteLength < 10 || into.byteLength < 6) refuseFrame('Literals end too early')
  const part = (into.byteLength + 3) >>> 2
  let at = 6
  for (let i = 0; i < 4; i++) {
    const length =
      i === 3 ? body.byteLength - at : (body[i * 2] ?? 0) | ((body[i * 2 + 1] ?? 0) << 8)
    if (length <= 0 || at + length > body.byteLength) refuseFrame('Literals end too early')
    const target = into.subarray(i * part, i === 3 ? undefined : (i + 1) * part)
    huffman.decode(body.subarray(at, at + length), target)
    at += length
  }
}

function littleEndian(bytes: Uint8Array, length: number): number {
  if (bytes.byteLength < length) refuseFrame('A block ends too early')
  let value = 0
  for (let i = length - 1; i >= 0; i--) value = value * 256 + (bytes[i] ?? 0)
  return value
}

function readCount(bytes: Uint8Array): { readonly count: number; readonly length: number } {
  const first = bytes[0] ?? refuseFrame('A block ends too early')
  if (first < 128) return { count: first, length: 1 }
  const length = first < 255 ? 2 : 3
  const count =
    first < 255
      ? ((first - 128) << 8) + (bytes[1] ?? 0)
      : (bytes[1] ?? 0) + ((bytes[2] ?? 0) << 8) + 0x7f00
  if (bytes.byteLength < length) refuseFrame('A block ends too early')
  return { count, length }
}
