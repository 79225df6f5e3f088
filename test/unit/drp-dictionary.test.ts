import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import {
  dczHead,
  decodeDcz,
  dictionaryLimits,
  encodeDcz,
  windowBytesFor,
} from '../../delta/dictionary/index.ts'
import { readFrame } from '../../delta/dictionary/frame-reader.ts'
import { writeFrame } from '../../delta/dictionary/frame-writer.ts'
import { digestOf } from '../../protocol/index.ts'
import { loadVectors } from '../interop/drp/vectors.ts'

const { heads, bodies } = loadVectors<{
  readonly heads: readonly { readonly dictionary: string; readonly dcz: string }[]
  readonly bodies: readonly {
    readonly name: string
    readonly what: string
    readonly dictionary: string
    readonly content: string
    readonly dcz: string
  }[]
}>('dictionary.json')

const refused = { code: 'LW_DELTA_DICTIONARY' }

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

/** Bytes between text and noise: skewed values, runs and repeats. */
function sample(seed: number, length: number, kind: 'text' | 'noise' | 'skewed' | 'runs'): Buffer {
  const random = seeded(seed)
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) {
    if (kind === 'text') bytes[i] = 97 + ((random() % 26) & (random() % 26))
    else if (kind === 'noise') bytes[i] = random() & 255
    else if (kind === 'skewed')
      bytes[i] = Math.min(255, Math.floor(255 * (random() / 2 ** 32) ** 4))
    else bytes[i] = i % 977 < 900 ? 7 : random() & 3
  }
  return bytes
}

/** A new version: parts of the old one with small changes and something new between. */
function edited(old: Buffer, seed: number): Buffer {
  const random = seeded(seed)
  const parts: Buffer[] = []
  for (let at = 0; at < old.byteLength; ) {
    const length = 1 + (random() % 20_000)
    const part = Buffer.from(old.subarray(at, at + length))
    for (let edits = random() % 4; edits > 0; edits--) {
      if (part.byteLength > 0) part[random() % part.byteLength] = random() & 255
    }
    parts.push(part, sample(random() | 1, random() % 300, 'text'))
    at += length + (random() % 100)
  }
  return Buffer.concat(parts)
}

const cases: readonly (readonly [what: string, dictionary: Buffer, content: Buffer])[] = [
  ['nothing to nothing', Buffer.alloc(0), Buffer.alloc(0)],
  ['something to nothing', Buffer.from('abc'), Buffer.alloc(0)],
  ['one byte', Buffer.alloc(0), Buffer.from('x')],
  ['unchanged', sample(3, 5000, 'text'), sample(3, 5000, 'text')],
  ['unrelated noise', sample(4, 300_000, 'noise'), sample(5, 300_000, 'noise')],
  ['unrelated text', sample(6, 300_000, 'text'), sample(7, 300_000, 'text')],
  ['all bytes, skewed', sample(8, 200_000, 'skewed'), sample(9, 200_000, 'skewed')],
  ['one byte repeated', Buffer.alloc(10), Buffer.alloc(400_000, 9)],
  ['runs', sample(10, 100_000, 'runs'), sample(11, 300_000, 'runs')],
  ['edited text', sample(12, 600_000, 'text'), edited(sample(12, 600_000, 'text'), 1)],
  ['edited noise', sample(13, 900_000, 'noise'), edited(sample(13, 900_000, 'noise'), 2)],
  [
    'text literals, then noise that no earlier code can say',
    Buffer.from('x'),
    Buffer.concat([sample(16, 131_072, 'text'), sample(17, 40_000, 'noise'), Buffer.alloc(91_072)]),
  ],
  ['exactly one block', sample(14, 131_072, 'noise'), sample(14, 131_072, 'noise')],
  ['a block and a byte', sample(15, 131_073, 'noise'), sample(15, 131_073, 'noise')],
]

for (const [what, dictionary, content] of cases) {
  t.test(`C115: dcz decodes to the content: ${what}`, async (t) => {
    const body = encodeDcz(dictionary, content)
    const limits = { contentBytesMax: content.byteLength }
    t.ok(content.equals(decodeDcz(dictionary, body, limits)))
    t.ok(body.byteLength <= content.byteLength + 60 + content.byteLength / 20_000)
    t.same(encodeDcz(dictionary, content), body, 'the same bytes again')
  })
}

t.test('C115: a small change costs little', async (t) => {
  const old = sample(20, 500_000, 'noise')
  const next = Buffer.from(old)
  for (let at = 1000; at < next.byteLength; at += 50_000) next[at] = (next[at] ?? 0) ^ 255
  const body = encodeDcz(old, next)
  t.ok(body.byteLength < 300, `${body.byteLength} bytes for 10 changed bytes of 500,000`)
})

t.test('C115: heads and bodies of RFC 9842 as published vectors', async (t) => {
  for (const { dictionary, dcz } of heads) {
    t.equal(Buffer.from(dczHead(digestOf(dictionary))).toString('hex'), dcz)
  }
  for (const { name, what, dictionary, content, dcz } of bodies) {
    const expected = Buffer.from(content)
    const limits = { contentBytesMax: expected.byteLength }
    const decoded = decodeDcz(Buffer.from(dictionary), Buffer.from(dcz, 'hex'), limits)
    t.ok(expected.equals(decoded), `${name}: ${what}`)
  }
})

t.test('C115: windows stay within what every client holds (RFC 9842 2.2)', async (t) => {
  t.equal(windowBytesFor(1000), 8 * 2 ** 20)
  t.equal(windowBytesFor(100 * 2 ** 20), 125 * 2 ** 20)
  t.equal(windowBytesFor(120 * 2 ** 20), 128 * 2 ** 20)
})

t.test('C115: content larger than the window still decodes', async (t) => {
  const old = sample(30, 150_000, 'noise')
  const content = Buffer.concat([old, edited(old, 3), old, sample(31, 40_000, 'noise'), old])
  for (const windowBytes of [16_384, 100_000, 160_000, 400_000]) {
    const frame = writeFrame(old, content, windowBytes)
    const decoded = readFrame(old, frame, { contentBytesMax: content.byteLength })
    t.ok(content.equals(decoded), `window ${windowBytes}: ${frame.byteLength} bytes`)
  }
})

t.test('C115: any dictionary and content', async (t) => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.tuple(fc.nat(255), fc.nat(400)).map(([byte, n]) => new Uint8Array(n).fill(byte)),
  )
  const parts = fc.tuple(piece, piece, piece)
  const order = fc.array(fc.nat(5), { maxLength: 12 })
  const found = fc.check(
    fc.property(parts, order, fc.uint8Array({ maxLength: 60 }), (pieces, picks, fresh) => {
      const dictionary = Buffer.concat(pieces)
      const content = Buffer.concat(
        picks.map((pick) => pieces[pick] ?? (pick === 3 ? fresh : fresh.subarray(0, pick))),
      )
      const limits = { contentBytesMax: content.byteLength }
      return content.equals(decodeDcz(dictionary, encodeDcz(dictionary, content), limits))
    }),
    { numRuns: 400, seed: 6 },
  )
  t.match(found, { failed: false, numRuns: 400 })
})

t.test('S51: another dictionary, cut and lengthened bodies are refused', async (t) => {
  const [dictionary, content] = [sample(40, 9000, 'text'), edited(sample(40, 9000, 'text'), 4)]
  const limits = { contentBytesMax: content.byteLength }
  const body = encodeDcz(dictionary, content)
  t.throws(() => decodeDcz(sample(41, 9000, 'text'), body, limits), refused)
  for (let length = 0; length < body.byteLength; length++) {
    t.throws(() => decodeDcz(dictionary, body.subarray(0, length), limits), refused)
  }
  t.throws(() => decodeDcz(dictionary, Buffer.concat([body, Buffer.alloc(1)]), limits), refused)
  const less = { contentBytesMax: content.byteLength - 1 }
  t.throws(() => decodeDcz(dictionary, body, less), refused, 'no byte more than the limit')
})

t.test('S51: 3,000 mutated frames are refused or decode within bounds', async (t) => {
  const random = seeded(50)
  const old = sample(51, 30_000, 'skewed')
  const content = edited(old, 5)
  const frame = Buffer.from(writeFrame(old, content, 8 * 2 ** 20))
  let refusals = 0
  for (let i = 0; i < 3000; i++) {
    const mutated = Buffer.from(frame)
    // The first blocks' descriptions are where a decoder can be led astray.
    const reach = i % 2 === 0 ? 300 : mutated.byteLength
    for (let edits = 1 + (random() % 3); edits > 0; edits--) {
      mutated[random() % Math.min(reach, mutated.byteLength)] = random() & 255
    }
    try {
      const out = readFrame(old, mutated, { contentBytesMax: content.byteLength })
      if (out.byteLength > content.byteLength) t.fail('too many bytes')
    } catch (error) {
      refusals++
      if ((error as { code?: string }).code !== 'LW_DELTA_DICTIONARY') throw error
    }
  }
  t.ok(refusals > 300, `${refusals} refused`)
})

t.test('S51: files that do not fit the memory limit are refused before work', async (t) => {
  const large = { byteLength: dictionaryLimits.memoryBytesMax } as Uint8Array
  const code = 'LW_DELTA_DICTIONARY_LIMIT'
  t.throws(() => encodeDcz(large, Buffer.alloc(1)), { code })
})

const hasZstd = spawnSync('zstd', ['--version']).status === 0
const title = 'C115: the reference decoder reads what is written'

if (!hasZstd && process.env['LONGWAVE_CI'] === '1') t.fail(`${title}: zstd is not installed`)
const skip = hasZstd ? false : 'zstd is not installed'
t.test(title, { skip }, async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'longwave-dcz-'))
  const [old, body, out] = ['old', 'body.zst', 'out'].map((name) => path.join(folder, name))
  if (old === undefined || body === undefined || out === undefined) return
  try {
    for (const [what, dictionary, content] of cases) {
      await writeFile(old, dictionary)
      await writeFile(body, encodeDcz(dictionary, content))
      // An empty dictionary is none to this program.
      const from = dictionary.byteLength === 0 ? [] : ['-D', old]
      const run = spawnSync('zstd', ['-d', '-f', '-q', '--long=27', ...from, body, '-o', out])
      t.equal(run.status, 0, `${what} ${run.stderr.toString()}`)
      t.ok(content.equals(await readFile(out)), what)
    }
    const large = sample(60, 150_000, 'noise')
    const repeated = Buffer.concat([large, edited(large, 6), large])
    await writeFile(old, large)
    await writeFile(body, writeFrame(large, repeated, 160_000))
    const run = spawnSync('zstd', ['-d', '-f', '-q', '-D', old, body, '-o', out])
    t.equal(run.status, 0, run.stderr.toString())
    t.ok(repeated.equals(await readFile(out)), 'content larger than its window')
    // The other way: our decoder reads the reference encoder's frames.
    const content = edited(large, 7)
    await writeFile(out, content)
    for (const level of ['-1', '-3', '-9', '-19']) {
      const made = spawnSync('zstd', [level, '-f', '-q', '-D', old, out, '-o', body])
      t.equal(made.status, 0, made.stderr.toString())
      const frame = await readFile(body)
      const decoded = readFrame(large, frame, { contentBytesMax: content.byteLength })
      t.ok(content.equals(decoded), `level ${level}`)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
