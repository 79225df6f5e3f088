import t from 'tap'
import { ByteRoom } from '../../delta/archives/index.ts'
import { gathering } from '../../delta/bundle/gathering.ts'
import { ChainIndex } from '../../delta/matching/chain-index.ts'
import { CopyList } from '../../delta/matching/copy-list.ts'
import { equalBytes } from '../../delta/matching/equal-bytes.ts'
import { fillGaps, gapsBetween } from '../../delta/matching/gaps.ts'
import { InexactMatcher } from '../../delta/matching/inexact-matcher.ts'
import { RollingHash } from '../../delta/matching/rolling-hash.ts'
import { StringTables } from '../../delta/matching/string-table.ts'
import { textGaps } from '../../delta/matching/text-gaps.ts'

/** Bytes that look random and are the same each time. */
function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = seed
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) | 0
    bytes[i] = state >>> 24
  }
  return bytes
}

t.test('a rolled hash is the hash of the bytes there', async (t) => {
  const bytes = noise(200, 1)
  const hash = new RollingHash(16)
  let rolled = hash.of(bytes, 0)
  for (let at = 0; at + 16 < bytes.length; at++) {
    rolled = hash.roll(rolled, bytes[at] as number, bytes[at + 16] as number)
    t.equal(rolled, hash.of(bytes, at + 1))
  }
})

t.test('wanted strings get their first and their last place, across windows', async (t) => {
  const length = 16
  const wanted = noise(64, 2)
  const base = noise(700_000, 3)
  const places = [0, 262_120, 400_000, base.length - length]
  for (const place of places) base.set(wanted.subarray(0, length), place)
  const table = new StringTables(100).table(length, 100)
  table.want(wanted, { start: 0, end: wanted.length }, 1)
  table.locate(base, { start: 0, end: base.length })
  const slot = table.find(table.hash.of(wanted, 0))
  t.equal(table.first(slot), places[0])
  t.equal(table.last(slot), places.at(-1))
  t.equal(table.first(table.find(table.hash.of(wanted, 20))), -1, 'wanted, but nowhere')
  table.refine()
  t.equal(table.find(table.hash.of(wanted, 20)), -1, 'not looked for any more')
  t.equal(table.find(table.hash.of(wanted, 0)), slot)
  const listed: number[] = []
  table.list(base, { start: 0, end: base.length }, (_slot, place) => listed.push(place))
  t.same(listed, places)
})

t.test('sampled strings are found at their places', async (t) => {
  const base = noise(600_000, 4)
  const tables = new StringTables(base.length / 100 + 1)
  const table = tables.table(32, base.length / 100 + 1)
  table.sample(base, { start: 0, end: base.length }, 100)
  for (const at of [0, 262_100, 262_200, 599_900]) {
    t.equal(table.first(table.find(table.hash.of(base, at))), at)
  }
  t.equal(table.find(table.hash.of(base, 50)), -1)
  t.throws(() => tables.table(32, base.length), TypeError)
})

t.test('a full table takes nothing more in and still answers', async (t) => {
  const bytes = noise(10_000, 5)
  const table = new StringTables(10).table(8, 10)
  table.want(bytes, { start: 0, end: bytes.length }, 1)
  t.ok(table.find(table.hash.of(bytes, 0)) >= 0)
  t.equal(table.find(table.hash.of(bytes, 9000)), -1)
})

t.test('chains go from the latest place to the earliest, and end', async (t) => {
  const text = new TextEncoder().encode('0123456789abcdef'.repeat(100))
  const table = new StringTables(16).table(8, 16)
  table.want(text, { start: 0, end: 20 }, 1)
  const index = new ChainIndex(text, table)
  index.extend({ start: 0, end: 48 })
  index.extend({ start: 48, end: 64 })
  const places: number[] = []
  const hash = table.hash.of(text, 2)
  for (let entry = index.latest(hash); entry >= 0; entry = index.before(entry)) {
    places.push(index.place(entry))
  }
  t.same(
    places,
    [50, 34, 18, 2].filter((place) => place !== 34 || place + 8 <= 48),
  )
  index.extend({ start: 64, end: text.length })
  let count = 0
  for (let entry = index.latest(hash); entry >= 0; entry = index.before(entry)) count++
  t.equal(count, 64, 'a string that is everywhere is kept for a while only')
})

t.test('equal bytes are counted exactly', async (t) => {
  for (const length of [0, 1, 63, 64, 65, 700, 5000]) {
    const left = noise(6000, 6)
    const right = left.slice()
    right[length] = (right[length] as number) ^ 1
    t.equal(equalBytes(left, 0, right, 0, 6000), length)
    t.equal(equalBytes(left, 0, right, 0, length), length, 'no more than asked for')
  }
})

t.test('gaps lie between copies, and what is found in them joins these', async (t) => {
  const copies = new CopyList()
  copies.add(10, 100, 10)
  copies.add(30, 120, 10)
  const file = { start: 0, end: 50, predecessor: 7 }
  const gaps = gapsBetween(copies, file)
  t.same(gaps, [
    { start: 0, end: 10, old: 7 },
    { start: 20, end: 30, old: 110 },
    { start: 40, end: 50, old: 130 },
  ])
  const filled = fillGaps(copies, gaps, ({ start, end, old }) => {
    const found = new CopyList()
    if (start > 0) found.add(start, old, end - start)
    return found
  })
  t.equal(filled.count, 1)
  t.same([filled.newAt(0), filled.oldAt(0), filled.length(0)], [10, 100, 40])
})

t.test('what text does not go on as expected is a gap', async (t) => {
  const base = noise(1000, 7)
  const next = base.slice()
  next[500] = (next[500] as number) ^ 1
  const expected = new CopyList()
  expected.add(0, 0, 1000)
  const bytes = { base, pool: next }
  t.same(textGaps(bytes, { start: 0, end: 1000 }, expected, 16), [{ start: 484, end: 517 }])
  t.same(textGaps(bytes, { start: 0, end: 1000 }, new CopyList(), 16), [{ start: 0, end: 1000 }])
})

t.test('what has moved in a binary is found again, also when it is short', async (t) => {
  const base = noise(300_000, 8)
  const moved = noise(300_000, 9)
  moved.set(base.subarray(1000, 100_000), 5000)
  moved.set(base.subarray(200_000, 200_020), 250_000)
  const matcher = new InexactMatcher(base, moved)
  const [copies] = matcher.match([{ start: 0, end: moved.length, predecessor: -1 }])
  const found: [number, number][] = []
  for (let i = 0; i < (copies?.count ?? 0); i++) {
    found.push([copies?.newAt(i) ?? 0, copies?.oldAt(i) ?? 0])
  }
  t.ok(found.some(([at, old]) => Math.abs(at - 5000) < 4 && old - at === -4000))
  t.ok(found.some(([at, old]) => Math.abs(at - 250_000) < 4 && old - at === -50_000))
})

t.test('room for bytes grows and shrinks', async (t) => {
  const room = new ByteRoom(4)
  room.append(Uint8Array.of(1, 2, 3))
  room.append(Uint8Array.of(4, 5, 6))
  t.same([...room.filled()], [1, 2, 3, 4, 5, 6])
  room.resize(2)
  room.append(Uint8Array.of(7))
  t.same([...room.filled()], [1, 2, 7])
})

t.test('small pieces are gathered, large ones go through', async (t) => {
  const sizes: number[] = []
  let sum = 0
  const sink = gathering((bytes) => {
    sizes.push(bytes.length)
    for (const byte of bytes) sum += byte
  })
  for (let i = 0; i < 1000; i++) sink.push(new Uint8Array(100).fill(1))
  sink.push(new Uint8Array(100_000).fill(1))
  sink.flush()
  t.equal(sum, 200_000)
  t.ok(sizes.length <= 4)
})
