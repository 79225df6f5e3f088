import fc from 'fast-check'
import t from 'tap'
import { applyGdiff } from '../../delta/gdiff/index.ts'
import {
  BlockSignature,
  blockLengthFor,
  encodeSignatureDelta,
  isBlockLength,
  makeSignature,
  signatureBytes,
} from '../../delta/signature/index.ts'

const blockBytes = 512

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const piece of pieces) parts.push(piece)
  return Buffer.concat(parts)
}

function objectOf(bytes: Uint8Array) {
  return {
    size: bytes.byteLength,
    read: async (position: number, into: Uint8Array) => {
      const part = bytes.subarray(position, position + into.byteLength)
      into.set(part)
      return part.byteLength
    },
  }
}

async function deltaOf(old: Uint8Array, next: Uint8Array, pieceBytes: number, block = blockBytes) {
  const bytes = await collect(makeSignature(objectOf(old), block))
  const signature = BlockSignature.parse(bytes, old.byteLength)
  const pieces: Uint8Array[] = []
  for (let at = 0; at < next.byteLength; at += pieceBytes) {
    pieces.push(next.subarray(at, at + pieceBytes))
  }
  return collect(encodeSignatureDelta({ signature, next: pieces }))
}

/** Bytes that look random but are the same in every run. */
function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    bytes[at] = state >>> 24
  }
  return bytes
}

t.test('C41: a delta against a signature rebuilds the new bytes, whatever they are', async (t) => {
  const edit = fc.record({
    at: fc.nat(20_000),
    remove: fc.nat(3000),
    insert: fc.uint8Array({ maxLength: 700 }),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.nat(20_000),
      fc.array(edit, { maxLength: 5 }),
      fc.integer({ min: 1, max: 5000 }),
      async (length, edits, pieceBytes) => {
        const old = noise(length, length)
        let next: Buffer = old
        for (const { at, remove, insert } of edits) {
          next = Buffer.concat([next.subarray(0, at), insert, next.subarray(at + remove)])
        }
        const delta = await deltaOf(old, next, pieceBytes)
        t.ok(Buffer.from(applyGdiff(old, delta, { outputBytesMax: 1e6 })).equals(next))
      },
    ),
    { numRuns: 60 },
  )
})

t.test('C41: an insertion in the middle of a megabyte costs little', async (t) => {
  const old = noise(1_000_000, 7)
  const next = Buffer.concat([old.subarray(0, 400_001), Buffer.from('new'), old.subarray(400_001)])
  const block = blockLengthFor(old.byteLength)
  const delta = await deltaOf(old, next, 65_536, block)
  t.ok(delta.byteLength < 3 * block, `${delta.byteLength} bytes`)
  t.ok(signatureBytes(old.byteLength, block) < old.byteLength / 50)
})

t.test('C41: runs of one byte and repeated blocks are found in order', async (t) => {
  const old = Buffer.concat([Buffer.alloc(100_000), noise(512, 1), Buffer.alloc(100_000, 1)])
  const delta = await deltaOf(old, old, 10_000)
  t.ok(delta.byteLength < 2000, `${delta.byteLength} bytes`)
  t.ok(Buffer.from(applyGdiff(old, delta, { outputBytesMax: 1e6 })).equals(old))
})

t.test('S50: signatures that are not what they say are refused', async (t) => {
  const old = noise(5000, 3)
  const good = await collect(makeSignature(objectOf(old), blockBytes))
  t.equal(good.byteLength, signatureBytes(old.byteLength, blockBytes))
  const wrong: readonly [string, Uint8Array, number][] = [
    ['empty', new Uint8Array(0), 5000],
    ['cut', good.subarray(0, good.byteLength - 1), 5000],
    ['trailing', Buffer.concat([good, Buffer.alloc(1)]), 5000],
    ['of another size', good, 9000],
    ['block of zero', Buffer.from(good).fill(0, 0, 4), 5000],
    ['huge count', Buffer.from(good).fill(0xff, 4, 8), 5000],
  ]
  for (const [name, bytes, size] of wrong) {
    t.throws(() => BlockSignature.parse(bytes, size), { code: 'LW_DELTA_SIGNATURE' }, name)
  }
  t.ok(isBlockLength(4096, 1e9))
  for (const length of [0, 100, 600, 2 ** 21, -512, 512.5]) t.notOk(isBlockLength(length, 1e6))
  t.notOk(isBlockLength(512, 2 ** 40))
})

t.test('S50: a lying signature gives a wrong result, never more than the limit', async (t) => {
  const old = noise(8192, 5)
  const bytes = await collect(makeSignature(objectOf(noise(8192, 6)), blockBytes))
  const signature = BlockSignature.parse(bytes, 8192)
  const delta = await collect(encodeSignatureDelta({ signature, next: [noise(8192, 6)] }))
  const built = Buffer.from(applyGdiff(old, delta, { outputBytesMax: 8192 }))
  t.notOk(built.equals(noise(8192, 6)))
  t.equal(built.byteLength, 8192)
})
