import { createHash } from 'node:crypto'
import fc from 'fast-check'
import pako from 'pako'
import t from 'tap'
import {
  type DeflateSettings,
  encodeSettings,
  parseSettings,
  settingsOf,
} from '../../delta/archives/deflate-settings.ts'
import { createDeflater } from '../../delta/archives/deflater.ts'
import { encodeRecipe, parseRecipe } from '../../delta/archives/recipe.ts'
import { sampleRuns, sampleText } from './archives-fixtures.ts'

function deflate(settings: DeflateSettings, content: Uint8Array, pieceBytes = 70_000): Uint8Array {
  const pieces: Uint8Array[] = []
  const deflater = createDeflater(settings, (piece) => pieces.push(piece.slice()))
  for (let at = 0; at < content.length; at += pieceBytes) {
    deflater.push(content.subarray(at, at + pieceBytes))
  }
  deflater.finish()
  return Buffer.concat(pieces)
}

const text = sampleText(300_000)
const runs = Buffer.concat([sampleRuns(700_000), sampleText(60_000)])

// The digests are those of the raw deflate streams that zlib 1.2.13, GNU gzip 1.12 (Info-ZIP's
// zip 3.0 gives the same) and the zlib of Node.js 20 made of this content.
const known = `
text gzip 1 a921e48bbd845c02e13d78b19d1b30e7
text zlib 1 43af79e579d5c92176bdce07eeae5fb0
text chromium 1 1da652a63d5444072201a1f59b90299e
text gzip 6 dd73931b04ad42b0b36f48ab3117aeb5
text zlib 6 73d57e5dd7b7fdd95928e4b29becd57c
text chromium 6 cb29246b24c812adf8896ab6a6796b27
text gzip 9 dd73931b04ad42b0b36f48ab3117aeb5
text zlib 9 73d57e5dd7b7fdd95928e4b29becd57c
text chromium 9 cb29246b24c812adf8896ab6a6796b27
runs gzip 1 03f179b399fa77822dc2f93dd244bd3f
runs zlib 1 88eec380240d9aca906fb5a3d3f9f645
runs chromium 1 d1d77db1e51682404baa2aed79cfc451
runs gzip 4 23dbe9ccf8c23802543a6f47141e3cf6
runs zlib 4 c092afe81a0138582f1683d049584dcf
runs chromium 4 2566e61c0978d8ae4a6b1a162e6cb354
runs gzip 6 a474f042b3f48357d76d34bd3440ba1f
runs zlib 6 5be2239d3df05004742edbeccd422b68
runs chromium 6 eb228a92d1621c279c6253a3c4df9a6c
runs gzip 9 c977420091e0bb8606e7db034c9a6081
runs zlib 9 dede5deb9e839925b5c3def30cb0122f
runs chromium 9 e85573d60437a2ea98763cdedeef7cff
`

t.test('C22: each variant gives the bytes of the program it stands for', async (t) => {
  for (const line of known.trim().split('\n')) {
    const [content, variant, level, start] = line.trim().split(' ')
    const settings = settingsOf(variant as DeflateSettings['variant'], Number(level))
    const made = deflate(settings, content === 'text' ? text : runs)
    const digest = createHash('sha256').update(made).digest('hex')
    t.equal(digest.slice(0, 32), start, line)
  }
})

t.test('C22: the zlib variant is pako 2.1.0', async (t) => {
  for (const level of [1, 6, 9] as const) {
    for (const memLevel of [3, 8, 9]) {
      const made = deflate(settingsOf('zlib', level, memLevel), text.subarray(0, 60_000))
      t.same(made, Buffer.from(pako.deflateRaw(text.subarray(0, 60_000), { level, memLevel })))
    }
  }
})

const zlibSettings: fc.Arbitrary<DeflateSettings> = fc.record({
  variant: fc.constant('zlib' as const),
  level: fc.integer({ min: 0, max: 9 }),
  memLevel: fc.integer({ min: 1, max: 9 }),
  strategy: fc.integer({ min: 0, max: 4 }),
  windowBits: fc.integer({ min: 9, max: 15 }),
})
const levels = fc.integer({ min: 1, max: 9 })
const settingsArbitrary = fc.oneof(
  zlibSettings,
  levels.map((level) => settingsOf('gzip', level)),
  fc.tuple(levels, levels).map(([level, memLevel]) => settingsOf('chromium', level, memLevel)),
)

t.test('C22: output does not depend on how content arrives, and inflates', async (t) => {
  const content = fc.tuple(fc.integer({ min: 0, max: 200_000 }), fc.integer({ min: 0, max: 9 }))
  const property = fc.property(
    settingsArbitrary,
    content,
    fc.integer({ min: 100, max: 150_000 }),
    (settings, [bytes, seed], pieceBytes) => {
      const sample = seed % 2 === 0 ? sampleText(bytes, seed) : sampleRuns(bytes, seed)
      const made = deflate(settings, sample)
      const inflated = Buffer.from(pako.inflateRaw(made))
      return (
        inflated.equals(sample) && Buffer.compare(deflate(settings, sample, pieceBytes), made) === 0
      )
    },
  )
  t.doesNotThrow(() => fc.assert(property, { numRuns: 40, seed: 1 }))
})

t.test('C22: settings and recipes come back as they were', async (t) => {
  const lists = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 300 })),
    { maxLength: 40 },
  )
  const property = fc.property(
    fc.array(settingsArbitrary, { minLength: 4, maxLength: 4 }),
    lists,
    (table, list) => {
      const chosen = list.flatMap(([index, times]) =>
        Array.from({ length: times }, () => table[index] as DeflateSettings),
      )
      const recipe = parseRecipe(encodeRecipe(chosen))
      return chosen.every((settings, stream) => {
        const back = recipe.settingsAt(stream)
        return JSON.stringify(back) === JSON.stringify(parseSettings(encodeSettings(settings)))
      })
    },
  )
  t.doesNotThrow(() => fc.assert(property, { numRuns: 60, seed: 2 }))
  const unknown = [Uint8Array.of(0x40, 8, 15), Uint8Array.of(0x10, 9, 15), Uint8Array.of(6, 0, 15)]
  for (const bytes of unknown) t.equal(parseSettings(bytes), undefined)
  const usual = Array.from({ length: 7000 }, () => settingsOf('zlib', 6))
  t.equal(encodeRecipe(usual).length, 5, 'a jar needs five bytes')
})
