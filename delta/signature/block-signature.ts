import { createHash } from 'node:crypto'
import { signatureError } from './errors.ts'
import { signatureLimits } from './limits.ts'
import { rollingChecksum } from './rolling-checksum.ts'

const headBytes = 8
const recordBytes = 12
const strongBytes = 8

/** Old bytes, read by position: `read` fills what it can and returns the count. */
export interface SignedObject {
  readonly size: number
  read(position: number, into: Uint8Array): Promise<number>
}

/** Whether a server should answer a request for blocks of this length. */
export function isBlockLength(blockBytes: number, objectBytes: number): boolean {
  return (
    Number.isInteger(blockBytes) &&
    blockBytes >= signatureLimits.blockBytesMin &&
    blockBytes <= signatureLimits.blockBytesMax &&
    (blockBytes & (blockBytes - 1)) === 0 &&
    objectBytes / blockBytes <= signatureLimits.blocksMax
  )
}

/** The block length that balances signature and delta: about the square root of the size. */
export function blockLengthFor(objectBytes: number): number {
  let blockBytes: number = signatureLimits.blockBytesMin
  while (blockBytes < signatureLimits.blockBytesMax && blockBytes * blockBytes < objectBytes) {
    blockBytes *= 2
  }
  return blockBytes
}

/** Bytes of the signature of an object. */
export function signatureBytes(objectBytes: number, blockBytes: number): number {
  return headBytes + Math.floor(objectBytes / blockBytes) * recordBytes
}

/**
 * Makes the signature of an object, piece by piece, in bounded memory. A last block that is
 * shorter than the others has no record.
 * @throws TypeError for a length that `isBlockLength` refuses
 */
export async function* makeSignature(
  object: SignedObject,
  blockBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!isBlockLength(blockBytes, object.size)) throw new TypeError('not a block length')
  const count = Math.floor(object.size / blockBytes)
  const head = Buffer.alloc(headBytes)
  head.writeUInt32BE(blockBytes, 0)
  head.writeUInt32BE(count, 4)
  yield head
  const blocksAtOnce = Math.max(1, Math.floor(signatureLimits.readBytes / blockBytes))
  const buffer = Buffer.allocUnsafe(blocksAtOnce * blockBytes)
  for (let block = 0; block < count; block += blocksAtOnce) {
    const blocks = Math.min(blocksAtOnce, count - block)
    const bytes = buffer.subarray(0, blocks * blockBytes)
    await readExactly(object, block * blockBytes, bytes)
    yield recordsOf(bytes, blockBytes)
  }
}

async function readExactly(object: SignedObject, position: number, into: Uint8Array) {
  for (let done = 0; done < into.byteLength; ) {
    const count = await object.read(position + done, into.subarray(done))
    if (count <= 0) throw signatureError('LW_DELTA_SIGNATURE', { detail: 'The object ends early.' })
    done += count
  }
}

function recordsOf(bytes: Uint8Array, blockBytes: number): Uint8Array {
  const records = Buffer.alloc((bytes.byteLength / blockBytes) * recordBytes)
  let at = 0
  for (let from = 0; from < bytes.byteLength; from += blockBytes) {
    records.writeInt32BE(rollingChecksum(bytes, from, blockBytes), at)
    strongSum(bytes.subarray(from, from + blockBytes)).copy(records, at + 4)
    at += recordBytes
  }
  return records
}

function strongSum(block: Uint8Array): Buffer {
  return createHash('sha256').update(block).digest().subarray(0, strongBytes)
}

/** A signature that was received: finds blocks of the old object in new bytes. */
export class BlockSignature {
  readonly blockBytes: number
  readonly count: number
  readonly #records: Buffer
  /** One bit for each value of the checksum's mixed low bits: most bytes need no more than this. */
  readonly #filter: Uint8Array
  readonly #filterMask: number
  /** Heads of chains by slot, and the next block of each chain; -1 ends one. */
  readonly #heads: Int32Array
  readonly #next: Int32Array

  /** @throws LW_DELTA_SIGNATURE */
  static parse(bytes: Uint8Array, objectBytes: number): BlockSignature {
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (data.byteLength < headBytes) refuse('shorter than its head')
    const blockBytes = data.readUInt32BE(0)
    const count = data.readUInt32BE(4)
    if (!isBlockLength(blockBytes, objectBytes)) refuse('a block length that is not allowed')
    if (count !== Math.floor(objectBytes / blockBytes)) refuse('a count that is not the object’s')
    if (data.byteLength !== headBytes + count * recordBytes) refuse('a length that is not its own')
    return new BlockSignature(blockBytes, count, data.subarray(headBytes))
  }

  private constructor(blockBytes: number, count: number, records: Buffer) {
    this.blockBytes = blockBytes
    this.count = count
    this.#records = records
    const bits = Math.max(16, Math.ceil(Math.log2(count * 16 + 1)))
    this.#filter = new Uint8Array(2 ** (bits - 3))
    this.#filterMask = 2 ** bits - 1
    this.#heads = new Int32Array(2 ** Math.max(4, Math.ceil(Math.log2(count * 2 + 1)))).fill(-1)
    this.#next = new Int32Array(count).fill(-1)
    // Backwards, so that each chain is in the order of the old file.
    for (let block = count - 1; block >= 0; block--) {
      const mixed = mix(records.readInt32BE(block * recordBytes))
      const slot = mixed & (this.#heads.length - 1)
      this.#next[block] = this.#heads[slot] ?? -1
      this.#heads[slot] = block
      const bit = mixed & this.#filterMask
      this.#filter[bit >>> 3] = (this.#filter[bit >>> 3] ?? 0) | (1 << (bit & 7))
    }
  }

  /** False when no block has this checksum; true when one may. */
  mayHave(checksum: number): boolean {
    const bit = mix(checksum) & this.#filterMask
    return ((this.#filter[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0
  }

  /** The old block that equals these bytes, -1 when there is none; `wanted` first if it fits. */
  find(checksum: number, block: Uint8Array, wanted: number): number {
    let strong: Buffer | undefined
    const fits = (candidate: number): boolean => {
      const at = candidate * recordBytes
      if (this.#records.readInt32BE(at) !== checksum) return false
      strong ??= strongSum(block)
      return this.#records.compare(strong, 0, strongBytes, at + 4, at + recordBytes) === 0
    }
    if (wanted >= 0 && wanted < this.count && fits(wanted)) return wanted
    let candidate = this.#heads[mix(checksum) & (this.#heads.length - 1)] ?? -1
    for (let seen = 0; candidate !== -1 && seen < signatureLimits.candidatesMax; seen++) {
      if (fits(candidate)) return candidate
      candidate = this.#next[candidate] ?? -1
    }
    return -1
  }
}

function refuse(why: string): never {
  throw signatureError('LW_DELTA_SIGNATURE', { detail: `It has ${why}.` })
}

function mix(checksum: number): number {
  const mixed = Math.imul(checksum ^ (checksum >>> 15), 0x2c1b3c6d)
  return mixed ^ (mixed >>> 13)
}
