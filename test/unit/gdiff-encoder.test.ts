import fc from 'fast-check'
import t from 'tap'
import {
  applyGdiff,
  blockBytesFor,
  encodeGdiff,
  encodeGdiffStream,
  GdiffWriter,
  gdiffLimits,
  identityGdiff,
  readerOf,
} from '../../delta/gdiff/index.ts'

function written(steps: (writer: GdiffWriter) => void): string {
  const parts: Uint8Array[] = []
  const writer = new GdiffWriter((bytes) => parts.push(bytes))
  steps(writer)
  writer.end()
  return Buffer.concat(parts).toString('hex').slice('d1ffd1ff04'.length)
}

async function streamed(
  old: Uint8Array,
  pieces: readonly Uint8Array[],
  blockBytes?: number,
): Promise<Buffer> {
  const parts: Uint8Array[] = []
  const block = blockBytes === undefined ? {} : { blockBytes }
  for await (const bytes of encodeGdiffStream({ old: readerOf(old), next: pieces, ...block })) {
    parts.push(bytes)
  }
  return Buffer.concat(parts)
}

t.test('C115: each copy takes the shortest opcode', async (t) => {
  const cases: [position: number, length: number, hex: string][] = [
    [0, 1, 'f9000001'],
    [65535, 255, 'f9ffffff'],
    [65535, 256, 'faffff0100'],
    [0, 65535, 'fa0000ffff'],
    [0, 65536, 'fb000000010000'],
    [65536, 255, 'fc00010000ff'],
    [65536, 256, 'fd000100000100'],
    [65536, 65536, 'fe0001000000010000'],
    [2 ** 31 - 1, 1, 'fc7fffffff01'],
    [2 ** 31, 1, 'ff000000008000000000000001'],
    [2 ** 40, 65536, 'ff000001000000000000010000'],
  ]
  for (const [position, length, hex] of cases) {
    t.equal(
      written((writer) => writer.copy(position, length)),
      `${hex}00`,
    )
  }
})

t.test('C115: each literal takes the shortest opcode', async (t) => {
  const literal = (length: number): string =>
    written((writer) => writer.literal(new Uint8Array(length))).replace(/(00)+$/, '')
  t.equal(literal(1), '01')
  t.equal(literal(246), 'f6')
  t.equal(literal(247), 'f700f7')
  t.equal(literal(65535), 'f7ffff')
  t.match(
    written((writer) => writer.literal(new Uint8Array(65536))),
    /^f800010000/,
  )
})

t.test('C115: runs beyond 2^31-1 are split, neighbours joined', async (t) => {
  const length = 2 ** 31 + 9
  t.equal(
    written((writer) => writer.copy(5, length)),
    'fb00057fffffff' + 'ff0000000080000004' + '0000000a' + '00',
  )
  const joined = written((writer) => {
    writer.copy(0, 5)
    writer.copy(5, 5)
    writer.copy(20, 0)
  })
  t.equal(joined, 'f900000a00')
  t.equal(gdiffLimits.runBytesMax, 0x7fffffff)
})

t.test('C115: the identity copies everything', async (t) => {
  t.equal(Buffer.from(identityGdiff(10)).toString('hex'), 'd1ffd1ff04f900000a00')
  t.equal(Buffer.from(identityGdiff(0)).toString('hex'), 'd1ffd1ff0400')
})

t.test('C115: unchanged, empty and unrelated files', async (t) => {
  const old = Buffer.from('0123456789'.repeat(10))
  t.same(encodeGdiff(old, old), identityGdiff(old.byteLength))
  t.equal(encodeGdiff(old, new Uint8Array(0)).byteLength, 6)
  t.equal(encodeGdiff(new Uint8Array(0), old).byteLength, old.byteLength + 7)
  t.equal((await streamed(old, [])).byteLength, 6)
})

t.test('C115: an insertion, a deletion and a move cost a few commands', async (t) => {
  const old = Buffer.concat(Array.from({ length: 3000 }, (_, i) => Buffer.from(`line ${i * i}\n`)))
  const next = Buffer.concat([
    old.subarray(20_000),
    Buffer.from('something new'),
    old.subarray(0, 9000),
    old.subarray(10_000, 20_000),
  ])
  const inMemory = encodeGdiff(old, next)
  t.ok(inMemory.byteLength < 50, `${inMemory.byteLength} bytes`)
  const inBlocks = await streamed(old, [next])
  t.ok(inBlocks.byteLength < 80, `${inBlocks.byteLength} bytes in bounded memory`)
  const limit = { outputBytesMax: next.byteLength }
  t.ok(next.equals(applyGdiff(old, inMemory, limit)))
  t.ok(next.equals(applyGdiff(old, inBlocks, limit)))
})

t.test('C115: a stopped making ends with its reason', async (t) => {
  const signal = AbortSignal.abort(new Error('enough'))
  const options = { old: readerOf(new Uint8Array(1000)), next: [new Uint8Array(10)], signal }
  const run = async (): Promise<void> => {
    for await (const _ of encodeGdiffStream(options));
  }
  await t.rejects(run(), { message: 'enough' })
})

t.test('C115: block sizes grow with the old file so that the table does not', async (t) => {
  t.equal(blockBytesFor(1000), 64)
  t.ok(2 ** 40 / blockBytesFor(2 ** 40) <= gdiffLimits.blocksMax)
})

/** An old file, and a new one made of its parts, of new bytes and of small changes. */
const pairs = fc
  .tuple(
    fc.uint8Array({ maxLength: 3000 }),
    fc.array(
      fc.record({
        from: fc.nat(3000),
        length: fc.nat(1500),
        fresh: fc.uint8Array({ maxLength: 40 }),
        flip: fc.nat(1500),
      }),
      { maxLength: 8 },
    ),
  )
  .map(([old, parts]) => {
    const next: Uint8Array[] = []
    for (const { from, length, fresh, flip } of parts) {
      const copied = Buffer.from(old.subarray(from, from + length))
      if (flip < copied.byteLength) copied[flip] = (copied[flip] ?? 0) ^ 1
      next.push(copied, fresh)
    }
    return { old, next: Buffer.concat(next) }
  })

t.test('C115: what is encoded decodes to the new file (in memory)', async (t) => {
  fc.assert(
    fc.property(pairs, ({ old, next }) => {
      const diff = encodeGdiff(old, next)
      const limit = { outputBytesMax: next.byteLength }
      return next.equals(applyGdiff(old, diff, limit)) && diff.byteLength <= next.byteLength + 9
    }),
    { numRuns: 300, seed: 1 },
  )
  t.pass('300 pairs')
})

t.test('C115: what is encoded decodes to the new file (streamed, any pieces)', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      pairs,
      fc.integer({ min: 1, max: 700 }),
      fc.constantFrom(4, 16, 64),
      async ({ old, next }, pieceBytes, blockBytes) => {
        const pieces: Uint8Array[] = []
        for (let at = 0; at < next.byteLength; at += pieceBytes) {
          pieces.push(next.subarray(at, at + pieceBytes))
        }
        const diff = await streamed(old, pieces, blockBytes)
        return next.equals(applyGdiff(old, diff, { outputBytesMax: next.byteLength }))
      },
    ),
    { numRuns: 200, seed: 2 },
  )
  t.pass('200 pairs')
})

t.test('C115: literals longer than what is held back, and copies across pieces', async (t) => {
  const old = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i * 31 + (i >> 7)) & 255)
  const fresh = Uint8Array.from({ length: 200_000 }, (_, i) => (i * i * 17 + (i >> 5) * 3) & 255)
  const next = Buffer.concat([old.subarray(100_000), fresh, old.subarray(0, 150_001)])
  const diff = await streamed(old, [next.subarray(0, 70_000), next.subarray(70_000)])
  t.ok(next.equals(applyGdiff(old, diff, { outputBytesMax: next.byteLength })))
  t.ok(diff.byteLength < 201_000, `${diff.byteLength} bytes`)
})
