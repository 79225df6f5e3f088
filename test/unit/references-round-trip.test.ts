import fc from 'fast-check'
import t from 'tap'
import { createReferenceCoder, type CopyOp, planReferences } from '../../delta/references/index.ts'
import type { Layout } from '../../delta/references/layout.ts'
import { referenceLimits } from '../../delta/references/limits.ts'
import { encodeSide, parseSide, type Side } from '../../delta/references/side.ts'
import { copied, differences, restored } from './references-passes.ts'
import { program, programCopies, seeded } from './references-program.ts'

const oldSize = 200_000
const newSize = 190_000

/** Bytes as code and tables have them: opcodes, small words, zeros. */
function codeLike(size: number, seed: number): Uint8Array {
  const random = seeded(seed)
  const frequent = [
    0x41, 0x42, 0x10, 0x80, 0xe8, 0x0f, 0x84, 0x48, 0x8d, 0x05, 0, 0, 0, 0xff, 0x24, 0x8b, 0x94,
    0xeb, 0x10,
  ]
  return Uint8Array.from({ length: size }, () => {
    const value = random()
    return value % 3 === 0 ? value >>> 8 : (frequent[value % frequent.length] as number)
  })
}

const copiesOf = fc
  .array(fc.record({ skip: fc.nat(900), length: fc.nat(70_000), old: fc.nat(oldSize) }), {
    maxLength: 40,
  })
  .map((parts) => {
    const copies: CopyOp[] = []
    let reached = 0
    for (const { skip, length, old } of parts) {
      const newPosition = reached + skip
      const fits = Math.min(length, newSize - newPosition, oldSize - old)
      if (fits <= 0) continue
      copies.push({ oldPosition: old, newPosition, length: fits })
      reached = newPosition + fits
    }
    return copies
  })

const layoutOf = (size: number): fc.Arbitrary<Layout> =>
  fc
    .array(
      fc.record({
        gap: fc.nat(3000),
        size: fc.integer({ min: 1, max: 60_000 }),
        executable: fc.boolean(),
        loaded: fc.boolean(),
        more: fc.nat(5000),
      }),
      { minLength: 1, maxLength: 8 },
    )
    .map((parts) => {
      const image = { start: 2 ** 20, span: 2 ** 20, base: 0x400000 }
      const regions: Layout['regions'][number][] = []
      let reached = 0
      let address = image.start
      for (const part of parts) {
        const position = reached + part.gap
        const bytes = Math.min(part.size, size - position)
        if (bytes <= 0) continue
        const memory = part.loaded ? bytes + part.more : 0
        regions.push({
          position,
          size: bytes,
          address: part.loaded ? address : -1,
          memory,
          image: 0,
          executable: part.executable,
        })
        reached = position + bytes
        address += memory
      }
      return { images: [image], regions }
    })

const addresses = fc.integer({ min: 2 ** 20, max: 2 ** 21 })
const sideOf: fc.Arbitrary<Side> = fc
  .record({
    oldLayout: layoutOf(oldSize),
    newLayout: layoutOf(newSize),
    extra: fc.array(
      fc.record({
        from: addresses,
        length: fc.nat(9000),
        delta: fc.integer({ min: -999, max: 999 }),
      }),
      { maxLength: 3 },
    ),
    bases: fc.array(fc.record({ old: addresses, next: addresses }), { minLength: 5, maxLength: 6 }),
    functab: fc.nat(oldSize - 8000),
    cells: fc.array(
      fc.record({
        mode: fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 20),
        cells: fc.integer({ min: 1, max: 60 }),
      }),
      { maxLength: 12 },
    ),
  })
  .map(({ functab, cells, ...rest }) => {
    let left = Math.ceil(newSize / referenceLimits.cellBytes)
    const modes = cells.map((run) => {
      const taken = Math.min(run.cells, left)
      left -= taken
      return { mode: run.mode, cells: taken }
    })
    const goTables = [{ functab, functions: 900, bases: [0, 1, 2, 3, 4] }]
    return { ...rest, mapCopyBytesMin: 64, goTables, modes }
  })

t.test('C115: any side comes back from its bytes', async (t) => {
  fc.assert(
    fc.property(sideOf, (side) => {
      t.same(parseSide(encodeSide(side), { old: oldSize, next: newSize }), side)
    }),
    { numRuns: 100 },
  )
})

t.test('C115: differences give back the bytes, whatever side, copies and bytes', async (t) => {
  fc.assert(
    fc.property(sideOf, copiesOf, fc.nat(), (side, copies, seed) => {
      const old = codeLike(oldSize, seed)
      const next = codeLike(newSize, seed + 1)
      for (const { oldPosition, newPosition, length } of copies.slice(1)) {
        next.set(old.subarray(oldPosition, oldPosition + length), newPosition)
      }
      const input = { old, next, copies }
      const bytes = encodeSide(side)
      const all = differences(input, bytes)
      const back = restored({ ...input, newSize }, bytes, all)
      t.equal(Buffer.compare(back, copied(input)), 0)
    }),
    { numRuns: 60 },
  )
})

t.test('C115: a plan for random copies of a program gives back the bytes', async (t) => {
  const inserted = new Map([[17, 32]])
  const old = program({ machine: 'x86', container: 'elf' })
  const next = program({ machine: 'x86', container: 'elf', inserted })
  const cut = fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 3, maxLength: 20 })
  fc.assert(
    fc.property(cut, (lengths) => {
      const copies = programCopies(inserted).flatMap((copy) => {
        const parts: CopyOp[] = []
        let at = 0
        for (let index = 0; at < copy.length; index++) {
          const wanted = lengths[index % lengths.length] as number
          const length = Math.min(wanted, copy.length - at)
          const [oldPosition, newPosition] = [copy.oldPosition + at, copy.newPosition + at]
          if (index % 3 !== 2) parts.push({ oldPosition, newPosition, length })
          at += length
        }
        return parts
      })
      const input = { old, next, copies }
      const plan = planReferences(input)
      if (plan === undefined) return t.pass('nothing to predict')
      const all = differences(input, plan.side)
      const back = restored({ ...input, newSize: next.length }, plan.side, all)
      return t.equal(Buffer.compare(back, copied(input)), 0)
    }),
    { numRuns: 20 },
  )
})

t.test('C115: windows that the format does not have are a programmer mistake', async (t) => {
  const side = encodeSide({
    oldLayout: { images: [], regions: [] },
    newLayout: { images: [], regions: [] },
    mapCopyBytesMin: 64,
    extra: [],
    bases: [],
    goTables: [],
    modes: [],
  })
  const copies = [{ oldPosition: 0, newPosition: 0, length: 100 }]
  const coder = createReferenceCoder({
    side,
    copies,
    oldSize: 100,
    newSize: 100,
    readOld: (_position, into) => into.fill(7),
  })
  t.throws(() => coder.restore(1, 0, new Uint8Array(100)), TypeError)
  t.throws(() => coder.restore(0, 5, new Uint8Array(95)), TypeError)
  t.throws(() => coder.restore(0, 0, new Uint8Array(99)), TypeError)
})
