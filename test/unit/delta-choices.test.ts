import t from 'tap'
import { packBulk } from '../../delta/bundle/pack-bulk.ts'
import { copiesPay, withoutCopies } from '../../delta/bundle/worthless-copies.ts'
import { CopyList } from '../../delta/matching/copy-list.ts'
import { looksBinary } from '../../delta/matching/looks-binary.ts'
import { plainCost } from '../../delta/matching/plain-cost.ts'
import { expectationOf } from '../../delta/index.ts'
import { applied, bundleOf, noise, releaseOf, seeded } from './delta-releases.ts'

/** Bytes that pack to about half: programs are like that. */
function dull(seed: number, length: number): Uint8Array {
  return noise(seeded(seed), length).map((byte) => byte & (byte >> 2) & 0x3f)
}

t.test('padding makes no tar of texts binary', async (t) => {
  const text = new TextEncoder().encode('export const answer = 42\n'.repeat(40))
  const padded = new Uint8Array(3 * 1536)
  for (let at = 0; at < padded.length; at += 1536) padded.set(text, at + 512)
  t.ok(looksBinary(padded), 'zero bytes in no tar')
  const tar = Uint8Array.from(padded)
  tar.set(new TextEncoder().encode('ustar'), 257)
  t.notOk(looksBinary(tar))
  const binaries = noise(seeded(1), 4608)
  binaries.set(tar.subarray(0, 512))
  t.ok(looksBinary(binaries), 'a tar of something else')
  t.notOk(looksBinary(text))
  t.ok(looksBinary(text.map((byte, i) => (i % 2 === 0 ? byte : 0))), 'characters of two bytes')
  t.ok(looksBinary(new Uint8Array(1000)))
  t.notOk(looksBinary(new Uint8Array(0)))
})

t.test('copies that cost more than they spare are dropped', async (t) => {
  const start = 1000
  const pool = dull(2, start + (1 << 17))
  const operations = Int32Array.from([1 << 16, 0, 500])
  const file = {
    pool,
    start,
    limit: start,
    end: pool.length,
    predecessor: 0,
    operations,
    coding: { copies: 'inexact', literals: 'bulk', differences: 'modelled' },
    literals: (1 << 17) - 500,
    differing: 400,
  } as const
  t.notOk(copiesPay(file, 5000))
  t.ok(copiesPay(file, 0), 'as long as they spare anything')
  t.ok(copiesPay({ ...file, literals: 1 << 15 }, 5000), 'where most is copied nothing is packed')
  const whole = withoutCopies(file)
  t.equal(whole.literals, 1 << 17)
  t.equal(whole.operations.length, 0)
})

t.test('what is new for the most part is packed thoroughly in the background', async (t) => {
  const stream = dull(3, 1 << 18)
  const size = (effort: 'fast' | 'best', share: number): number =>
    packBulk([stream], effort, share).bytes.length
  t.ok(size('best', 1) < size('best', 0.1))
  t.equal(size('fast', 1), size('fast', 0.1))
})

t.test('C18: an unrelated base costs no more than none', async (t) => {
  const file = dull(4, 600_000)
  const next = releaseOf({ 'a.bin': file }, { release: 2 })
  const other = releaseOf({ 'a.bin': dull(5, 200_000) })
  const bundle = bundleOf(other, next, 'best')
  const alone = bundleOf(releaseOf({ b: new Uint8Array(1) }), next, 'best')
  t.ok(bundle.length <= alone.length + 200, `${bundle.length} against ${alone.length}`)
  const { outputs } = await applied(other, bundle, expectationOf(next.manifest))
  t.same(outputs[0], file)
})

t.test('plain copies cost what no copy has, what differs, and their operations', async (t) => {
  const old = noise(seeded(6), 10_000)
  const next = Uint8Array.from([
    ...old.subarray(0, 4000),
    ...new Uint8Array(64),
    ...old.subarray(4000),
  ])
  const copies = new CopyList()
  copies.add(0, 0, 4000)
  copies.add(4064, 4000, 6000)
  t.equal(plainCost(copies, { old, next, most: 1000 }), 64 + 2 * 3)
  next[5000] = (next[5000] as number) ^ 1
  t.equal(plainCost(copies, { old, next, most: 1000 }), 64 + 2 * 3 + 1)
  t.ok(plainCost(copies, { old, next: next.map((byte) => byte ^ 1), most: 100 }) > 100)
})
