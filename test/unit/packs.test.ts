import { randomBytes } from 'node:crypto'
import t from 'tap'
import { planPacks } from '../../mirroring/pack-source.ts'
import { type PackedObject, splitPack } from '../../mirroring/split-pack.ts'
import type { WantedObject } from '../../mirroring/wanted-object.ts'
import { mirroringLimits } from '../../mirroring/limits.ts'
import {
  type Digest,
  digestOf,
  encodePackRequest,
  limits,
  type PackOffer,
  packRequestBytesMax,
  parsePackRequest,
} from '../../protocol/index.ts'

const offer: PackOffer = { objectsMax: limits.packObjectsMax, bytesMax: limits.packBytesMax }

function wantedAt(path: string, size: number): WantedObject {
  return { sha256: digestOf(path), size, mime: '', path }
}

function wantedOf(bytes: Uint8Array): WantedObject {
  return { sha256: digestOf(bytes), size: bytes.byteLength, mime: '' }
}

/** What a pack that comes in these pieces is divided into. */
async function split(
  pieces: readonly Uint8Array[],
  objects: readonly WantedObject[],
): Promise<PackedObject[]> {
  const got: PackedObject[] = []
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield* pieces
  }
  for await (const one of splitPack(chunks(), objects)) got.push(one)
  return got
}

t.test('a request for a pack is read as it was written, and nothing else is one', async (t) => {
  const digests = [digestOf('one'), digestOf('two'), digestOf('one')]
  t.same(parsePackRequest(encodePackRequest(digests)), digests)
  for (const length of [0, 1, 31, 33, packRequestBytesMax + 32]) {
    t.equal(parsePackRequest(Buffer.alloc(length)), undefined, `${length} bytes`)
  }
  t.equal(parsePackRequest(Buffer.alloc(packRequestBytesMax))?.length, limits.packObjectsMax)
})

t.test('objects are packed by the kind of their files, then by path', async (t) => {
  const paths = ['b/y.txt', 'a/x.js', 'a/y.txt', 'b/x.js', 'c.d/name', 'z.txt', 'k.js', 'l.js']
  const [pack] = planPacks(
    offer,
    paths.map((path) => wantedAt(path, 10)),
  )
  t.same(
    pack?.map(({ path }) => path),
    ['a/x.js', 'b/x.js', 'k.js', 'l.js', 'c.d/name', 'a/y.txt', 'b/y.txt', 'z.txt'],
  )
})

t.test(
  'packs stay within the bounds of both sides; what is large, empty or alone is in none',
  (t) => {
    const many = Array.from({ length: 100 }, (_, at) => wantedAt(`${at}.txt`, 1000))
    const sizes = (bounds: typeof offer) => planPacks(bounds, many).map(({ length }) => length)
    t.same(sizes(offer), [100])
    t.same(sizes({ ...offer, objectsMax: 40 }), [40, 40, 20])
    t.same(sizes({ ...offer, bytesMax: 30_500 }), [30, 30, 30, 10])
    t.same(sizes({ ...offer, objectsMax: 33 }), [33, 33, 33], 'the last one alone is in no pack')
    t.same(sizes({ ...offer, bytesMax: 999 }), [], 'an offer that no object fits')
    t.same(sizes({ objectsMax: 1, bytesMax: 1 }), [])
    const odd = [wantedAt('empty', 0), wantedAt('large', mirroringLimits.packObjectBytesMax + 1)]
    const [pack] = planPacks(offer, [...many, ...odd])
    t.equal(pack?.length, 100)
    const lots = Array.from({ length: 5000 }, (_, at) => wantedAt(`${at}.txt`, 10))
    const boundless = { objectsMax: 1e9, bytesMax: 1e15 }
    t.ok(planPacks(boundless, lots).every((one) => one.length <= mirroringLimits.packObjectsMax))
    t.end()
  },
)

t.test('a pack is divided by the signed sizes, wherever its pieces end', async (t) => {
  const contents = [1, 3000, 17, 1, 70_000, 5, 5].map((size) => randomBytes(size))
  const objects = contents.map(wantedOf)
  const whole = Buffer.concat(contents)
  for (const step of [1, 2, 7, 1000, 4096, 65_536, whole.byteLength]) {
    const pieces: Buffer[] = []
    for (let at = 0; at < whole.byteLength; at += step) pieces.push(whole.subarray(at, at + step))
    const got = await split(pieces, objects)
    t.equal(got.length, contents.length, `in pieces of ${step}`)
    t.ok(got.every(({ bytes }, at) => contents[at]?.equals(bytes)))
    t.ok(got.every(({ object }, at) => object === objects[at]))
  }
})

t.test('a pack with fewer or more bytes is refused; what was whole before came out', async (t) => {
  const contents = [randomBytes(100), randomBytes(50)]
  const objects = contents.map(wantedOf)
  const whole = Buffer.concat(contents)
  const got: Digest[] = []
  const take = async (pieces: readonly Uint8Array[]): Promise<void> => {
    got.length = 0
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield* pieces
    }
    for await (const { object } of splitPack(chunks(), objects)) got.push(object.sha256)
  }
  const refused = { code: 'LW_MIRROR_PACK' }
  await t.rejects(take([]), refused)
  await t.rejects(take([whole.subarray(0, 149)]), refused)
  t.same(got, [objects[0]?.sha256])
  await t.rejects(take([whole, Buffer.alloc(1)]), refused)
  t.same(
    got,
    objects.map(({ sha256 }) => sha256),
  )
  await t.rejects(take([Buffer.concat([whole, Buffer.alloc(1)])]), refused)
})

t.test('what unpacking fails with is said of the pack', async (t) => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(3)
    throw new Error('a checksum')
  }
  const pieces = splitPack(broken(), [wantedAt('a', 10)])
  await t.rejects(pieces.next(), { code: 'LW_MIRROR_PACK', cause: { message: 'a checksum' } })
})
