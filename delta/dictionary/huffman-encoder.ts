import { BitWriter } from './bit-writer.ts'
import { describeCounts, encodeAlternating, FseEncoder } from './fse-encoder.ts'
import { normalise, tableLogFor } from './fse-layout.ts'

const bitsMax = 11
const weightLogMax = 6

/** A Huffman code for bytes with its description (RFC 8878 4.2). */
export interface HuffmanCode {
  /** Bits of each byte's code; 0 when it does not occur. */
  readonly lengths: Uint8Array
  readonly codes: Uint16Array
  readonly description: Uint8Array
}

/** A code for these occurrences; undefined for a single byte, or when none can be described. */
export function buildHuffman(occurrences: readonly number[]): HuffmanCode | undefined {
  const lengths = codeLengths(occurrences)
  if (lengths === undefined) return undefined
  const most = Math.max(...lengths)
  const weights = Array.from(lengths, (length) => (length === 0 ? 0 : most + 1 - length))
  let last = 255
  while (weights[last] === 0) last--
  // The last weight follows from the others.
  const description = describeWeights(weights.slice(0, last))
  if (description === undefined) return undefined
  return { lengths, codes: assignCodes(lengths, most), description }
}

/** Bits that bytes take with a code; infinite when one of them has none. */
export function huffmanCost(occurrences: readonly number[], code: HuffmanCode): number {
  let bits = 0
  for (let byte = 0; byte < 256; byte++) {
    const occurrence = occurrences[byte] ?? 0
    if (occurrence === 0) continue
    const length = code.lengths[byte] ?? 0
    if (length === 0) return Number.POSITIVE_INFINITY
    bits += occurrence * length
  }
  return bits
}

/** One stream: the last byte first, since decoders read backwards. */
export function encodeHuffman(code: HuffmanCode, bytes: Uint8Array): Uint8Array {
  const out = new BitWriter(bytes.byteLength + 8)
  for (let i = bytes.byteLength - 1; i >= 0; i--) {
    const byte = bytes[i] ?? 0
    out.add(code.codes[byte] ?? 0, code.lengths[byte] ?? 0)
  }
  return out.close()
}

function codeLengths(occurrences: readonly number[]): Uint8Array | undefined {
  let scaled = occurrences.slice()
  if (scaled.filter((n) => n > 0).length < 2) return undefined
  for (;;) {
    const lengths = unlimitedLengths(scaled)
    if (lengths.every((length) => length <= bitsMax)) return lengths
    // Flatter occurrences give a flatter code; it ends at the latest when all are equal.
    scaled = scaled.map((n) => (n === 0 ? 0 : (n >> 1) + 1))
  }
}

interface Node {
  readonly weight: number
  readonly byte: number
  readonly children: readonly [Node, Node] | undefined
}

/** Huffman's construction with two queues: leaves in order, and joined nodes as they come. */
function unlimitedLengths(occurrences: readonly number[]): Uint8Array {
  const leaves: Node[] = []
  occurrences.forEach((weight, byte) => {
    if (weight > 0) leaves.push({ weight, byte, children: undefined })
  })
  leaves.sort((a, b) => a.weight - b.weight || a.byte - b.byte)
  const joined: Node[] = []
  let leaf = 0
  let join = 0
  const take = (): Node => {
    const a = leaves[leaf]
    const b = joined[join]
    if (a !== undefined && (b === undefined || a.weight <= b.weight)) {
      leaf++
      return a
    }
    join++
    return b as Node
  }
  for (let i = 1; i < leaves.length; i++) {
    const children = [take(), take()] as const
    joined.push({ weight: children[0].weight + children[1].weight, byte: 0, children })
  }
  const lengths = new Uint8Array(256)
  const open: { node: Node; depth: number }[] = [{ node: joined.at(-1) as Node, depth: 0 }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, depth } = next
    if (node.children === undefined) lengths[node.byte] = depth
    else for (const child of node.children) open.push({ node: child, depth: depth + 1 })
  }
  return lengths
}

/** RFC 8878 4.2.1.3: longest codes have the lowest values, in order of the bytes. */
function assignCodes(lengths: Uint8Array, most: number): Uint16Array {
  const codes = new Uint16Array(256)
  let value = 0
  for (let length = most; length > 0; length--) {
    for (let byte = 0; byte < 256; byte++) if (lengths[byte] === length) codes[byte] = value++
    value >>= 1
  }
  return codes
}

function describeWeights(weights: readonly number[]): Uint8Array | undefined {
  const packed = packWeights(weights)
  const coded = codeWeights(weights)
  if (packed === undefined) return coded
  return coded !== undefined && coded.byteLength < packed.byteLength ? coded : packed
}

/** Four bits each; RFC 8878 4.2.1.1 has room for 128. */
function packWeights(weights: readonly number[]): Uint8Array | undefined {
  if (weights.length > 128) return undefined
  const bytes = new Uint8Array(1 + Math.ceil(weights.length / 2))
  bytes[0] = 127 + weights.length
  for (let i = 0; i < weights.length; i += 2) {
    bytes[1 + i / 2] = ((weights[i] ?? 0) << 4) | (weights[i + 1] ?? 0)
  }
  return bytes
}

function codeWeights(weights: readonly number[]): Uint8Array | undefined {
  const occurrences = new Array<number>(bitsMax + 2).fill(0)
  for (const weight of weights) occurrences[weight] = (occurrences[weight] ?? 0) + 1
  if (weights.length < 3 || occurrences.filter((n) => n > 0).length < 2) return undefined
  while (occurrences.at(-1) === 0) occurrences.pop()
  const log = tableLogFor(weights.length, occurrences.length - 1, weightLogMax)
  const counts = normalise(occurrences, log)
  const head = describeCounts(counts, log)
  const body = encodeAlternating(new FseEncoder(counts, log), weights)
  const length = head.byteLength + body.byteLength
  return length < 128 ? Buffer.concat([Uint8Array.of(length), head, body]) : undefined
}
