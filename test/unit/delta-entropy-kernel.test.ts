import t from 'tap'
import { encodeCopy, prepareCopies } from '../../delta/bundle/encode-copy.ts'
import { encodeDifferences } from '../../delta/bundle/encode-differences.ts'
import { encodeLiterals } from '../../delta/bundle/encode-literals.ts'
import { BinaryDecoder } from '../../delta/entropy/binary-decoder.ts'
import { BinaryEncoder } from '../../delta/entropy/binary-encoder.ts'
import type { EntropyKernel } from '../../delta/entropy/entropy-kernel.ts'

/** What a door of the kernel lacks (delta/entropy/kernel/states.ts). */
const lack = { nothing: 0, room: 1, old: 2, bulk: 3 } as const
const bits = 8

function encoded(encode: (kernel: EntropyKernel) => void): Uint8Array {
  const coder = new BinaryEncoder()
  coder.kernel.doors.createFileModels(bits, bits)
  prepareCopies(coder.kernel)
  encode(coder.kernel)
  return coder.finish()
}

function decoderOf(bytes: Uint8Array): EntropyKernel {
  let at = 0
  const { kernel } = new BinaryDecoder(() => {
    at += 7
    return bytes.subarray(at - 7, at)
  })
  kernel.doors.createFileModels(bits, bits)
  return kernel
}

/** Shows all of a small pool at once. */
function showPool(kernel: EntropyKernel, pool: Uint8Array): void {
  kernel.pool.set(pool)
  kernel.doors.setNear(0, kernel.pool.byteOffset, pool.length)
}

function textOf(length: number, period: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => 97 + (((i % period) * (i % 7)) % 23))
}

t.test('differences come back over any windows, and are learned', async (t) => {
  const old = textOf(60_000, 311)
  const differences = Uint8Array.from(old, (_, i) => (i % 97 < 4 && i < 40_000 ? 1 + (i % 5) : 0))
  const coded = encoded((kernel) => encodeDifferences(kernel, old, 0, differences))
  t.ok(coded.length < 500, `${coded.length} bytes`)
  for (const window of [1, 13, 4096, 60_000]) {
    const kernel = decoderOf(coded)
    const { doors } = kernel
    doors.beginDecodingFile(old.length, -1, old.length, 0)
    showPool(kernel, old)
    doors.beginInexact(0, old.length)
    let lacked = 0
    for (let at = 0; at < old.length; at += window) {
      const take = Math.min(window, old.length - at)
      doors.beginWindow(take)
      if (doors.decodeWindow(0, 1) !== lack.nothing) lacked++
      doors.endWindow(take)
    }
    t.equal(lacked, 0, `windows of ${window}`)
    const wanted = old.map((byte, i) => byte + (differences[i] as number))
    t.equal(Buffer.compare(kernel.output.subarray(0, doors.outputFilled()), wanted), 0)
  }
})

t.test('a run that is longer than its copy is refused', async (t) => {
  const old = new Uint8Array(1000)
  const coded = encoded((kernel) => encodeDifferences(kernel, old, 0, new Uint8Array(1000)))
  const kernel = decoderOf(coded)
  kernel.doors.beginDecodingFile(999, -1, 999, 0)
  showPool(kernel, old)
  kernel.doors.beginInexact(0, 999)
  kernel.doors.beginWindow(999)
  t.throws(() => kernel.doors.decodeWindow(0, 1), {
    code: 'LW_DELTA_FORMAT',
    detail: 'A run is longer than its copy.',
  })
})

/** A file of literals, counted copies and copies to marks, from a pool before it. */
function exactFile(): { old: Uint8Array; next: Uint8Array; coded: Uint8Array } {
  const old = textOf(9000, 450)
  const edits = Array.from({ length: 30 }, (_, i) => 50 + i * 270)
  const pieces: Uint8Array[] = []
  let from = 0
  for (const [i, at] of edits.entries()) {
    pieces.push(old.subarray(from, at), Buffer.from(`new ${i}!`))
    from = at + 3
  }
  pieces.push(old.subarray(from))
  const next = new Uint8Array(Buffer.concat(pieces))
  const pool = new Uint8Array(Buffer.concat([old, next]))
  const coded = encoded((kernel) => {
    const { doors } = kernel
    const end = pool.length
    let place = 0
    let at = old.length
    const copy = (count: number): void => {
      encodeCopy(kernel, pool, {
        from: place,
        count,
        left: Math.min(end - at, old.length - place),
      })
      place += count
      at += count
    }
    doors.beginEncodingFile(0, old.length)
    copy(edits[0] as number)
    for (const [i, edit] of edits.entries()) {
      const count = `new ${i}!`.length
      doors.encodeLiteralCount(count, end - at)
      encodeLiterals(kernel, { pool, at, count, beside: place, besideEnd: old.length })
      at += count
      doors.encodePlace(edit + 3, place, count, at - old.length)
      place = edit + 3
      copy((edits[i + 1] ?? old.length) - place)
    }
    if (at !== end) throw new TypeError('not all is encoded')
  })
  return { old, next, coded }
}

t.test('a file of exact copies goes on whenever what it lacks is there', async (t) => {
  const { old, next, coded } = exactFile()
  const kernel = decoderOf(coded)
  const { doors } = kernel
  doors.beginDecodingFile(next.length, 0, old.length, 0)
  kernel.pool.set(old)
  let lacked = 0
  let state = doors.decodeExact()
  for (; state === lack.old; state = doors.decodeExact()) {
    lacked++
    const place = doors.lackingPlace()
    // A few bytes at a time: a block may end anywhere.
    doors.setNear(place, kernel.pool.byteOffset + place, Math.min(11, old.length - place))
  }
  t.equal(state, lack.nothing)
  t.ok(lacked > 800, `${lacked} times`)
  t.equal(Buffer.compare(kernel.output.subarray(0, doors.outputFilled()), next), 0)
})

t.test('the room for output is never left', async (t) => {
  const size = 3_000_000
  const coded = encoded(({ doors }) => {
    doors.beginEncodingFile(0, size)
    doors.encodeLength(size, size)
  })
  const kernel = decoderOf(coded)
  const { doors, output, pool } = kernel
  pool.fill(7, 0, size)
  doors.beginDecodingFile(size, 0, size, 0)
  doors.setNear(0, pool.byteOffset, size)
  let written = 0
  for (let state = -1; state !== lack.nothing; ) {
    state = doors.decodeExact()
    t.ok(doors.outputFilled() <= output.length)
    written += doors.outputFilled()
    doors.emptyOutput()
  }
  t.equal(written, size)
  t.equal(pool.indexOf(7), 0, 'old bytes are as they were')
  t.equal(pool.indexOf(0), size)
})

t.test('literals of the bulk stream are asked for', async (t) => {
  const coded = encoded(({ doors }) => doors.encodeLiteralCount(10, 10))
  const { doors, output } = decoderOf(coded)
  doors.beginDecodingFile(10, -1, 0, 1)
  t.equal(doors.decodeExact(), lack.bulk)
  t.equal(doors.literalsWanted(), 10)
  output.fill(65, 0, 4)
  doors.tookLiterals(4)
  t.equal(doors.decodeExact(), lack.bulk)
  t.equal(doors.literalsWanted(), 6)
  doors.tookLiterals(6)
  t.equal(doors.decodeExact(), lack.nothing)
  t.equal(doors.outputFilled(), 10)
})

t.test('more operations than asked for wait', async (t) => {
  const coded = encoded(({ doors }) => {
    doors.beginEncodingFile(0, 5000)
    for (let i = 0; i < 2000; i++) {
      doors.encodeLiteralCount(1, 4000 - 2 * i)
      doors.encodePlace(2 * i, Math.max(0, 2 * i - 1), 1, 2 * i + 1)
      doors.encodeCopyCount(1, 4000 - 2 * i - 1)
    }
  })
  const { doors, operations } = decoderOf(coded)
  doors.beginDecodingFile(4000, 0, 5000, 0)
  t.equal(doors.decodeOperations(10), 10)
  t.same([...operations.subarray(27, 30)], [1, 18, 1])
  t.equal(doors.decodeOperations(5000), 1024, 'as many as there is room for')
  t.equal(doors.decodeOperations(5000), 966)
  t.equal(doors.unsaidBytes(), 0)
  t.equal(doors.decodeOperations(5000), 0)
})

t.test('a primer is learned from without being coded', async (t) => {
  const text = textOf(20_000, 1733)
  const coded = (primed: boolean): number =>
    encoded((kernel) => {
      kernel.output.set(text)
      if (primed) kernel.doors.primeLiterals(kernel.outputAt, text.length, 0)
      kernel.doors.beginEncodingFile(0, 0)
      const run = { pool: text, at: 0, count: text.length, beside: 0, besideEnd: 0 }
      encodeLiterals(kernel, run)
    }).length
  t.ok(coded(true) < coded(false) / 2)
})

t.test('the kernel has room for the largest models, and for no larger ones', async (t) => {
  const { kernel } = new BinaryEncoder()
  for (let i = 0; i < 4; i++) kernel.doors.createShortModel()
  kernel.doors.createFileModels(17, 16)
  t.throws(() => kernel.doors.createFileModels(17, 16))
})
