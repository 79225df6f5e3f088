import { type BlockOutput, BlockReader } from './block-reader.ts'
import { dictionaryLimits } from './limits.ts'
import { refuseFrame } from './refuse.ts'

/** Decoded content behind its dictionary; grows no further than it may. */
class Content implements BlockOutput {
  readonly #dictionary: Uint8Array
  readonly #bytes: Uint8Array
  readonly #windowBytes: number
  #length = 0
  #blockEnd = 0

  constructor(dictionary: Uint8Array, size: number, windowBytes: number) {
    this.#dictionary = dictionary
    this.#bytes = new Uint8Array(size)
    this.#windowBytes = windowBytes
  }

  get isFull(): boolean {
    return this.#length === this.#bytes.byteLength
  }

  get bytes(): Uint8Array {
    return this.#bytes
  }

  beginBlock(): void {
    this.#blockEnd = this.#length + dictionaryLimits.blockBytesMax
  }

  literal(bytes: Uint8Array): void {
    this.#admit(bytes.byteLength)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.byteLength
  }

  match(offset: number, length: number): void {
    this.#admit(length)
    const bytes = this.#bytes
    const dictionary = this.#dictionary
    const inDictionary = Math.max(0, offset - this.#length)
    const end = this.#length + length
    if (inDictionary > dictionary.byteLength) refuseFrame('A match reaches before the dictionary')
    if (end > this.#windowBytes && (offset > this.#windowBytes || inDictionary > 0)) {
      refuseFrame('A match reaches out of the window')
    }
    let from = dictionary.byteLength - inDictionary
    while (from < dictionary.byteLength && this.#length < end) {
      bytes[this.#length++] = dictionary[from++] ?? 0
    }
    while (this.#length < end) {
      bytes[this.#length] = bytes[this.#length - offset] ?? 0
      this.#length++
    }
  }

  #admit(length: number): void {
    const room = Math.min(this.#bytes.byteLength, this.#blockEnd) - this.#length
    if (length > room) refuseFrame('A block has too many bytes')
  }
}

/**
 * Decodes one Zstandard frame (RFC 8878 3.1.1) that says its size, with a raw dictionary.
 * Memory is taken only after the size was compared with the limit; a checksum is passed over.
 * @throws LW_DELTA_DICTIONARY
 */
export function readFrame(
  dictionary: Uint8Array,
  frame: Uint8Array,
  limits: { readonly contentBytesMax: number },
): Uint8Array {
  const head = readHead(frame)
  if (head.size > limits.contentBytesMax) refuseFrame('The content is larger than it may be')
  const content = new Content(dictionary, head.size, head.windowBytes)
  const reader = new BlockReader(content)
  let at = head.length
  for (let isLast = false; !isLast; ) {
    if (at + 3 > frame.byteLength) refuseFrame('The frame ends too early')
    const word = (frame[at] ?? 0) | ((frame[at + 1] ?? 0) << 8) | ((frame[at + 2] ?? 0) << 16)
    isLast = (word & 1) === 1
    const type = (word >>> 1) & 3
    const size = word >>> 3
    if (type === 3 || size > dictionaryLimits.blockBytesMax) refuseFrame('Not a block')
    at += 3
    const body = frame.subarray(at, at + (type === 1 ? 1 : size))
    if (body.byteLength < (type === 1 ? 1 : size)) refuseFrame('The frame ends too early')
    at += body.byteLength
    content.beginBlock()
    if (type === 0) content.literal(body)
    else if (type === 1) content.literal(new Uint8Array(size).fill(body[0] ?? 0))
    else reader.read(body)
  }
  if (at + head.checksumBytes !== frame.byteLength) refuseFrame('Bytes follow the frame')
  if (!content.isFull) refuseFrame('The content is shorter than it says')
  return content.bytes
}

interface Head {
  readonly length: number
  readonly size: number
  readonly windowBytes: number
  readonly checksumBytes: number
}

function readHead(frame: Uint8Array): Head {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  if (frame.byteLength < 6 || view.getUint32(0) !== 0x28b52ffd) refuseFrame('Not a Zstandard frame')
  const descriptor = view.getUint8(4)
  const isSingle = (descriptor & 0x20) !== 0
  if ((descriptor & 0x0b) !== 0) refuseFrame('The frame asks for what a raw dictionary is not')
  const sizeFlag = descriptor >>> 6
  const sizeBytes = sizeFlag === 0 ? (isSingle ? 1 : 0) : 1 << sizeFlag
  if (sizeBytes === 0) refuseFrame('The frame does not say its size')
  const sizeAt = isSingle ? 5 : 6
  if (frame.byteLength < sizeAt + sizeBytes) refuseFrame('The frame ends too early')
  let size = 0
  for (let i = sizeBytes - 1; i >= 0; i--) size = size * 256 + view.getUint8(sizeAt + i)
  if (sizeBytes === 2) size += 256
  let windowBytes = size
  if (!isSingle) {
    const byte = view.getUint8(5)
    const base = 2 ** (10 + (byte >>> 3))
    windowBytes = base + (base / 8) * (byte & 7)
  }
  const checksumBytes = (descriptor & 4) === 0 ? 0 : 4
  return { length: sizeAt + sizeBytes, size, windowBytes, checksumBytes }
}
