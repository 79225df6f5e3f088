import { BitReader } from './bit-reader.ts'
import { FseDecoder, readCounts } from './fse-decoder.ts'
import { refuseFrame } from './refuse.ts'

const bitsMax = 11

/** A Huffman code, ready to decode: every value of `log` bits leads to a byte. */
export class HuffmanDecoder {
  readonly log: number
  readonly #bytes: Uint8Array
  readonly #lengths: Uint8Array

  private constructor(weights: readonly number[], log: number) {
    this.log = log
    this.#bytes = new Uint8Array(1 << log)
    this.#lengths = new Uint8Array(1 << log)
    let at = 0
    for (let weight = 1; weight <= log; weight++) {
      for (let byte = 0; byte < weights.length; byte++) {
        if (weights[byte] !== weight) continue
        const width = 1 << (weight - 1)
        this.#bytes.fill(byte, at, at + width)
        this.#lengths.fill(log + 1 - weight, at, at + width)
        at += width
      }
    }
  }

  /** Reads a code's description (RFC 8878 4.2.1); says how many bytes it took. */
  static read(bytes: Uint8Array): { readonly decoder: HuffmanDecoder; readonly length: number } {
    const head = bytes[0] ?? refuseFrame('A Huffman code is missing')
    const isPacked = head >= 128
    const length = 1 + (isPacked ? Math.ceil((head - 127) / 2) : head)
    if (length > bytes.byteLength) refuseFrame('A Huffman code ends too early')
    const body = bytes.subarray(1, length)
    const weights = isPacked ? unpackWeights(body, head - 127) : decodeWeights(body)
    return { decoder: HuffmanDecoder.#ofWeights(weights), length }
  }

  static #ofWeights(weights: number[]): HuffmanDecoder {
    let sum = 0
    for (const weight of weights) {
      if (weight > bitsMax) refuseFrame('A Huffman code is too long')
      if (weight > 0) sum += 2 ** (weight - 1)
    }
    if (sum === 0) refuseFrame('A Huffman code is empty')
    const log = 32 - Math.clz32(sum)
    const rest = 2 ** log - sum
    if (log > bitsMax || (rest & (rest - 1)) !== 0) refuseFrame('A Huffman code does not add up')
    weights.push(32 - Math.clz32(rest))
    if (weights.length > 256) refuseFrame('A Huffman code has too many bytes')
    return new HuffmanDecoder(weights, log)
  }

  /** Decodes one stream that must hold exactly `into.byteLength` bytes. */
  decode(stream: Uint8Array, into: Uint8Array): void {
    const input = new BitReader(stream)
    for (let i = 0; i < into.byteLength; i++) {
      const value = input.peek(this.log)
      into[i] = this.#bytes[value] ?? 0
      input.skip(this.#lengths[value] ?? 0)
      if (input.left < 0) refuseFrame('Literals end too early')
    }
    if (input.left !== 0) refuseFrame('Literals go on too long')
  }
}

function unpackWeights(body: Uint8Array, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const pair = body[i >>> 1] ?? 0
    return i % 2 === 0 ? pair >>> 4 : pair & 15
  })
}

/** RFC 8878 4.2.1.2: two states take turns until the bits are used up. */
function decodeWeights(body: Uint8Array): number[] {
  const { counts, log, length } = readCounts(body, { log: 6, symbol: bitsMax + 1 })
  const table = new FseDecoder(counts, log)
  const input = new BitReader(body.subarray(length))
  const states: [number, number] = [input.read(log), input.read(log)]
  const weights: number[] = []
  for (let turn: 0 | 1 = 0; weights.length <= 255; turn = turn === 0 ? 1 : 0) {
    const state = states[turn]
    weights.push(table.symbolOf(state))
    if (table.bitsOf(state) > input.left) {
      weights.push(table.symbolOf(states[turn === 0 ? 1 : 0]))
      return weights
    }
    states[turn] = table.next(state, input)
  }
  return refuseFrame('A Huffman code has too many bytes')
}
