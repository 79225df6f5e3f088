import { BitWriter } from './bit-writer.ts'
import { encodeHuffman, type HuffmanCode } from './huffman-encoder.ts'

/** The head of raw (0) and of one-byte (1) literals. */
export function literalsHead(type: 0 | 1, size: number): Uint8Array {
  if (size < 32) return Uint8Array.of((size << 3) | type)
  if (size < 4096) return Uint8Array.of(((size << 4) | 4 | type) & 0xff, size >>> 4)
  const head = (size << 4) | 12 | type
  return Uint8Array.of(head & 0xff, (head >>> 8) & 0xff, head >>> 16)
}

/** Literals as they are. */
export function rawLiterals(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([literalsHead(0, bytes.byteLength), bytes])
}

/** Literals in a Huffman code, with its description unless it is repeated. */
export function compressedLiterals(
  bytes: Uint8Array,
  code: HuffmanCode,
  isRepeated: boolean,
): Uint8Array {
  const size = bytes.byteLength
  const streams = size < 1024 ? [bytes] : quarters(bytes)
  const coded = streams.map((stream) => encodeHuffman(code, stream))
  const parts: Uint8Array[] = isRepeated ? [] : [code.description]
  if (coded.length === 4) {
    const jumps = Buffer.alloc(6)
    for (let i = 0; i < 3; i++) jumps.writeUInt16LE(coded[i]?.byteLength ?? 0, i * 2)
    parts.push(jumps)
  }
  const body = Buffer.concat([...parts, ...coded])
  const type = isRepeated ? 3 : 2
  const large = Math.max(size, body.byteLength)
  const format = coded.length === 1 ? 0 : large < 1024 ? 1 : large < 16384 ? 2 : 3
  const bits = format <= 1 ? 10 : format === 2 ? 14 : 18
  const out = new BitWriter(5)
  out.add(type, 2)
  out.add(format, 2)
  out.add(size, bits)
  out.add(body.byteLength, bits)
  return Buffer.concat([out.closeForward(), body])
}

function quarters(bytes: Uint8Array): readonly Uint8Array[] {
  const part = (bytes.byteLength + 3) >>> 2
  return [0, 1, 2, 3].map((i) => bytes.subarray(i * part, i === 3 ? undefined : (i + 1) * part))
}
