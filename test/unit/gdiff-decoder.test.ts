import { createHash } from 'node:crypto'
import t from 'tap'
import { applyGdiff, decodeGdiff, readerOf } from '../../delta/gdiff/index.ts'
import { loadVectors } from '../interop/drp/vectors.ts'

interface GdiffVectors {
  readonly valid: readonly {
    readonly name: string
    readonly what: string
    readonly source: string | { readonly bytes: number }
    readonly diff: string
    readonly target?: string
    readonly targetBytes: number
    readonly targetSha256: string
    readonly strict?: 'refused'
  }[]
  readonly invalid: readonly {
    readonly name: string
    readonly what: string
    readonly source: string
    readonly diff: string
    readonly targetBytesMax?: number
  }[]
}

const { valid, invalid } = loadVectors<GdiffVectors>('gdiff.json')

function sourceOf(source: string | { readonly bytes: number }): Uint8Array {
  if (typeof source === 'string') return Buffer.from(source, 'hex')
  return Uint8Array.from({ length: source.bytes }, (_, i) => (7 * i + 13 * (i >> 8)) & 255)
}

/** Applies in pieces of a few bytes, from a source that is read a few bytes at a time. */
async function applyInPieces(
  old: Uint8Array,
  diff: Uint8Array,
  outputBytesMax: number,
): Promise<Buffer> {
  const pieces = Array.from({ length: Math.ceil(diff.byteLength / 3) }, (_, i) =>
    diff.subarray(i * 3, i * 3 + 3),
  )
  const reader = readerOf(old)
  const slow = {
    size: reader.size,
    read: async (position: number, into: Uint8Array) =>
      reader.read(position, into.subarray(0, Math.max(1, into.byteLength >> 1))),
  }
  const out: Uint8Array[] = []
  for await (const bytes of decodeGdiff({ old: slow, difference: pieces, outputBytesMax })) {
    out.push(bytes)
  }
  return Buffer.concat(out)
}

const refused = { code: 'LW_DELTA_GDIFF' }

for (const vector of valid) {
  t.test(`C115: GDIFF ${vector.name}: ${vector.what}`, async (t) => {
    const old = sourceOf(vector.source)
    const diff = Buffer.from(vector.diff, 'hex')
    const limit = { outputBytesMax: vector.targetBytes }
    if (vector.strict === 'refused') {
      t.throws(() => applyGdiff(old, diff, limit), refused)
      await t.rejects(applyInPieces(old, diff, vector.targetBytes), refused)
      return
    }
    const target = applyGdiff(old, diff, limit)
    t.equal(target.byteLength, vector.targetBytes)
    t.equal(createHash('sha256').update(target).digest('hex'), vector.targetSha256)
    if (vector.target !== undefined) t.equal(Buffer.from(target).toString('hex'), vector.target)
    const pieced = await applyInPieces(old, diff, vector.targetBytes)
    t.ok(pieced.equals(target), 'in pieces, too')
    if (vector.targetBytes > 0) {
      const less = { outputBytesMax: vector.targetBytes - 1 }
      t.throws(() => applyGdiff(old, diff, less), refused, 'no byte more than the limit')
    }
  })
}

for (const vector of invalid) {
  t.test(`S51: GDIFF ${vector.name} is refused: ${vector.what}`, async (t) => {
    const old = Buffer.from(vector.source, 'hex')
    const diff = Buffer.from(vector.diff, 'hex')
    const outputBytesMax = vector.targetBytesMax ?? 1000
    t.throws(() => applyGdiff(old, diff, { outputBytesMax }), refused)
    await t.rejects(applyInPieces(old, diff, outputBytesMax), refused)
  })
}

t.test('S51: a command that is refused writes nothing of itself', async (t) => {
  const old = Buffer.from('ABCDEFG')
  // Literal "x", then a copy that begins inside the old file and ends outside.
  const diff = Buffer.from('d1ffd1ff040178f900050500', 'hex')
  const out: string[] = []
  const run = async (): Promise<void> => {
    const options = { old: readerOf(old), difference: [diff], outputBytesMax: 100 }
    for await (const bytes of decodeGdiff(options)) out.push(Buffer.from(bytes).toString())
  }
  await t.rejects(run(), refused)
  t.strictSame(out, ['x'])
})

t.test('S35: a small difference cannot make more than the signed size', async (t) => {
  const old = new Uint8Array(1 << 20)
  const copyAll = Buffer.from('fe0000000000100000', 'hex')
  const bomb = Buffer.concat([
    Buffer.from('d1ffd1ff04', 'hex'),
    ...Array.from({ length: 10_000 }, () => copyAll),
    Buffer.from([0]),
  ])
  let bytes = 0
  const run = async (): Promise<void> => {
    const options = { old: readerOf(old), difference: [bomb], outputBytesMax: 5 << 20 }
    for await (const piece of decodeGdiff(options)) bytes += piece.byteLength
  }
  await t.rejects(run(), refused)
  t.equal(bytes, 5 << 20)
})

t.test('S51: an old file that shrank while it was read is noticed', async (t) => {
  const old = { size: 100, read: () => 0 }
  const diff = Buffer.from('d1ffd1ff04f900006400', 'hex')
  const run = async (): Promise<void> => {
    for await (const _ of decodeGdiff({ old, difference: [diff], outputBytesMax: 100 }));
  }
  await t.rejects(run(), refused)
})

t.test('S51: 20,000 mutated differences are refused or stay within bounds', async (t) => {
  const random = seeded(7)
  const old = sourceOf({ bytes: 70_000 })
  const bases = valid.filter(({ name }) => ['G1', 'G13', 'G16', 'G17', 'G18'].includes(name))
  let refusals = 0
  for (let i = 0; i < 20_000; i++) {
    const diff = Buffer.from(bases[i % bases.length]?.diff ?? '', 'hex')
    for (let edits = 1 + (random() % 3); edits > 0; edits--) {
      diff[5 + (random() % (diff.byteLength - 5))] = random() & 255
    }
    const cut = random() % 10 === 0 ? random() % diff.byteLength : diff.byteLength
    try {
      const out = applyGdiff(old, diff.subarray(0, cut), { outputBytesMax: 100_000 })
      if (out.byteLength > 100_000) t.fail(`too long: ${diff.toString('hex')}`)
    } catch (error) {
      refusals++
      if ((error as { code?: string }).code !== 'LW_DELTA_GDIFF') throw error
    }
  }
  t.ok(refusals > 1000, `${refusals} refused`)
})

/** xorshift32: the same sequence everywhere. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}
