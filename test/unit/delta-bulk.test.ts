import fc from 'fast-check'
import t from 'tap'
import { BulkDifferences, BulkDifferencesSink } from '../../delta/bundle/bulk-differences.ts'
import { type BulkMethod, BulkReader } from '../../delta/bundle/bulk-reader.ts'
import { encodeHeader, noBulk, parseHeader } from '../../delta/bundle/container.ts'
import { packBulk } from '../../delta/bundle/pack-bulk.ts'
import { expectationOf } from '../../delta/index.ts'
import { applied, bundleOf, noise, releaseOf, seeded } from './delta-releases.ts'

/** Hands out bytes in pieces. */
function readerOf(method: BulkMethod, bytes: Uint8Array, pieceBytes = 7): BulkReader {
  let at = 0
  return new BulkReader(method, () => {
    at += pieceBytes
    return bytes.subarray(at - pieceBytes, at)
  })
}

t.test('C18: differences of the bulk streams come back in segments of any size', async (t) => {
  const sparse = fc.array(
    fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ max: 255, min: 0 })),
    {
      maxLength: 300,
    },
  )
  const cases = fc.tuple(fc.array(sparse, { maxLength: 5 }), fc.integer({ min: 1, max: 50 }))
  let wrong = 0
  fc.assert(
    fc.property(cases, ([copies, segment]) => {
      const sink = new BulkDifferencesSink()
      for (const copy of copies) sink.encode(Uint8Array.from(copy))
      const counts = packBulk([Uint8Array.from(sink.counts)], 'fast')
      const bytes = packBulk(sink.bytes, 'fast')
      const reader = new BulkDifferences(
        readerOf(counts.method, counts.bytes),
        readerOf(bytes.method, bytes.bytes),
      )
      for (const copy of copies) {
        const back = new Uint8Array(copy.length).fill(3)
        for (let at = 0; at < copy.length; at += segment) {
          const count = Math.min(segment, copy.length - at)
          reader.decode(back, at, count, copy.length - at)
        }
        if (back.some((byte, i) => byte !== (((copy[i] as number) + 3) & 255))) wrong++
      }
      return wrong === 0
    }),
    { numRuns: 200 },
  )
  t.equal(wrong, 0)
})

t.test('S50: damaged bulk streams are refused by name', async (t) => {
  const refused = { code: 'LW_DELTA_FORMAT' }
  const counts = (...bytes: number[]): BulkReader => readerOf('stored', Uint8Array.from(bytes))
  const room = new Uint8Array(10)
  const decode = (reader: BulkReader): void =>
    new BulkDifferences(reader, readerOf('stored', new Uint8Array(4))).decode(room, 0, 10, 10)
  t.throws(() => decode(counts(0, 0)), refused, 'a count of nothing')
  t.throws(() => decode(counts(8, 3)), refused, 'more than the copy has')
  t.throws(() => decode(counts(255, 255, 255, 255, 255, 1)), refused, 'a number without end')
  t.throws(() => decode(counts(5)), refused, 'counts that end')
  t.throws(() => decode(counts(1, 9)), refused, 'bytes that end')
  t.throws(() => decode(readerOf('brotli', noise(seeded(1), 30))), refused, 'no brotli')
  t.throws(() => decode(readerOf('none', new Uint8Array(0))), refused, 'no stream at all')
  const bomb = packBulk([new Uint8Array(9 << 20)], 'fast')
  t.equal(bomb.method, 'brotli-streamed')
  t.throws(() => decode(readerOf('brotli', bomb.bytes, 1000)), refused, 'more than is held')
})

t.test('C18: the header says the streams; unknown methods are refused', async (t) => {
  const bulk = { ...noBulk, differences: { method: 'stored', bytes: 300 } } as const
  const header = encodeHeader({ oldManifest: '01020304', bulk })
  t.match(parseHeader(header), { oldManifest: '01020304', bulk, headerBytes: header.length })
  for (const features of [64, 255, 3 * 4, 3 * 16]) {
    const damaged = Uint8Array.from(header)
    damaged[8] = features
    t.throws(() => parseHeader(damaged), { code: 'LW_DELTA_FORMAT' }, `${features}`)
  }
})

t.test(
  'C18: a file that changes everywhere goes through the bulk streams and comes back',
  async (t) => {
    const random = seeded(5)
    const before = noise(random, 400_000).map((byte, i) => (i % 50 === 0 ? 0 : byte))
    const after = before.map((byte, i) => (i % 3 === 0 ? byte + 1 + (i % 5) : byte))
    const old = releaseOf({ 'a.bin': before })
    const next = releaseOf({ 'a.bin': after }, { release: 2 })
    const bundle = bundleOf(old, next, 'fast')
    const { bulk } = parseHeader(bundle.subarray(0, 40))
    t.not(bulk.counts.method, 'none')
    const { outputs } = await applied(old, bundle, expectationOf(next.manifest))
    t.same(outputs[0], after)
  },
)
