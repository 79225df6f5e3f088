import t from 'tap'
import { createRebuilder, OldEntries, unpackArchive } from '../../delta/archives/index.ts'
import { isLongwaveError } from '../../protocol/index.ts'
import {
  baseView,
  makeGzip,
  makeTar,
  makeZip,
  noise,
  rebuild,
  sampleText,
  seeded,
} from './archives-fixtures.ts'

const text = sampleText(3000)
const zip = makeZip(
  [
    { name: 'a', content: text },
    { name: 'b', content: text, descriptor: true, time: 5 },
    { name: 'c', content: noise(50), stored: true },
    { name: 'in.gz', content: makeGzip(text) },
  ],
  { reverseDirectory: true, comment: 'end' },
)
const tgz = makeGzip(makeTar({ 'x.zip': makeZip([{ name: 'a', content: text }]), t: text }))
const kept = [0, 1, 2, 3].map((i) => ({ name: `k${i}`, content: sampleText(400, i) }))
const before = new OldEntries()
before.add(makeZip([{ name: 'old', content: text }, ...kept]))
const after = makeZip([...kept, { name: 'new', content: text }])
const samples = [zip, tgz, makeGzip(text), after].map((bytes) => {
  const unpacked = unpackArchive(bytes, {}, before)
  if (unpacked === undefined) throw new TypeError('the sample has no view')
  return { bytes, ...unpacked }
})

function mutated(bytes: Uint8Array, next: (below: number) => number): Uint8Array {
  const copy = Buffer.from(bytes)
  for (let change = 0; change <= next(3); change++) {
    const at = next(copy.length)
    const kind = next(5)
    if (kind === 0) return copy.subarray(0, at)
    if (kind === 1)
      return Buffer.concat([copy.subarray(0, at), noise(1 + next(8), at), copy.subarray(at)])
    if (kind === 2) return Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1 + next(9))])
    copy[at] = kind === 3 ? next(256) : (copy[at] ?? 0) ^ (1 << next(8))
  }
  return copy
}

t.test('S50: 2,000 mutated views and recipes give LW_DELTA_ARCHIVE or bounded bytes', async (t) => {
  const next = seeded(50)
  let refused = 0
  const wrong: unknown[] = []
  for (let round = 0; round < 2000; round++) {
    const sample = samples[round % samples.length]
    if (sample === undefined) continue
    const mutateRecipe = next(3) === 0
    const view = mutateRecipe ? sample.view : mutated(sample.view, next)
    const recipe = mutateRecipe ? mutated(sample.recipe, next) : sample.recipe
    let outputBytes = 0
    try {
      const limits = { viewBytes: view.length, outputBytes: sample.bytes.length }
      const rebuilder = createRebuilder(recipe, limits, (piece) => {
        outputBytes += piece.length
      })
      rebuilder.write(view)
      rebuilder.end()
    } catch (error) {
      if (isLongwaveError(error, 'LW_DELTA_ARCHIVE')) refused++
      else wrong.push(error)
    }
    if (outputBytes > sample.bytes.length) wrong.push(`round ${round} wrote too much`)
  }
  t.same(wrong, [])
  t.ok(refused > 500)
})

t.test('S50: mutated archives are rebuilt exactly or have no view', async (t) => {
  const next = seeded(51)
  let views = 0
  for (let round = 0; round < 120; round++) {
    const bytes = mutated(round % 4 === 0 ? tgz : zip, next)
    baseView(bytes)
    const unpacked = unpackArchive(bytes)
    if (unpacked === undefined) continue
    views++
    const same = Buffer.compare(rebuild(unpacked, bytes.length), bytes) === 0
    if (!same) t.fail(`round ${round} is not rebuilt exactly`)
  }
  t.ok(views > 5)
})

t.test('S50: sizes are checked before anything is taken or written', async (t) => {
  const sample = samples[0]
  if (sample === undefined) throw new TypeError('there is no sample')
  const { view, recipe, bytes } = sample
  const attempt = (limits: { viewBytes: number; outputBytes: number }, data: Uint8Array) => () => {
    const rebuilder = createRebuilder(recipe, limits, () => {})
    rebuilder.write(data)
    rebuilder.end()
  }
  const refusal = { code: 'LW_DELTA_ARCHIVE' }
  const exact = { viewBytes: view.length, outputBytes: bytes.length }
  t.doesNotThrow(attempt(exact, view))
  t.throws(attempt({ ...exact, outputBytes: bytes.length - 1 }, view), refusal)
  t.throws(attempt({ ...exact, viewBytes: view.length - 1 }, view), refusal)
  t.throws(attempt(exact, view.subarray(0, -1)), refusal)
  const hugeContent = Uint8Array.of(1, 255, 255, 255, 255, 255, 127)
  t.throws(attempt(exact, hugeContent), refusal)
  t.throws(() => createRebuilder(new Uint8Array(0), exact, () => {}), refusal)
  t.throws(() => createRebuilder(Uint8Array.of(9, 0), exact, () => {}), refusal)
})
