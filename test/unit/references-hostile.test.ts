import t from 'tap'
import {
  type CopyOp,
  createReferenceCoder,
  planReferences,
  referenceLimits,
} from '../../delta/references/index.ts'
import { isLongwaveError } from '../../protocol/index.ts'
import { differences, restored } from './references-passes.ts'
import { program, programCopies, seeded } from './references-program.ts'

const inserted = new Map([[17, 32]])
const old = program({ machine: 'x86', container: 'elf' })
const next = program({ machine: 'x86', container: 'elf', inserted })
const input = { old, next, copies: programCopies(inserted) }
const side = planReferences(input)?.side ?? new Uint8Array(0)
const all = differences(input, side)

function mutated(seed: number): Uint8Array {
  const random = seeded(seed)
  const bytes = random() % 8 === 0 ? side.slice(0, random() % side.length) : side.slice()
  const changes = 1 + (random() % 6)
  for (let count = 0; count < changes && bytes.length > 0; count++) {
    bytes[random() % bytes.length] = random() % 4 === 0 ? 0xff : random()
  }
  return bytes
}

t.test('S50: 2,000 damaged sides are refused or do no more than give wrong bytes', async (t) => {
  let refused = 0
  let slowestMs = 0
  for (let seed = 1; seed <= 2000; seed++) {
    const bytes = mutated(seed)
    const before = process.hrtime.bigint()
    try {
      const out = restored({ ...input, newSize: next.length }, bytes, all)
      if (out.length !== all.length) t.fail(`seed ${seed} changed a size`)
    } catch (error) {
      if (!isLongwaveError(error, 'LW_DELTA_REFERENCES')) throw error
      refused++
    }
    slowestMs = Math.max(slowestMs, Number(process.hrtime.bigint() - before) / 1e6)
  }
  t.ok(refused > 200, `${refused} of 2,000 are refused`)
  t.ok(slowestMs < 1000, `the slowest took ${slowestMs} ms`)
})

t.test('S50: a side cut at any byte is refused', async (t) => {
  for (let length = 0; length < side.length; length++) {
    t.throws(() => restored({ ...input, newSize: next.length }, side.slice(0, length), all), {
      code: 'LW_DELTA_REFERENCES',
    })
  }
})

t.test('S50: bytes after the end, other versions and too large sides are refused', async (t) => {
  const attempts = [
    Buffer.concat([side, Buffer.of(0)]),
    Buffer.concat([Buffer.of(2), side.subarray(1)]),
    new Uint8Array(referenceLimits.sideBytesMax + 1),
  ]
  for (const bytes of attempts) {
    t.throws(() => restored({ ...input, newSize: next.length }, bytes, all), {
      code: 'LW_DELTA_REFERENCES',
    })
  }
})

t.test('S50: copies outside of the files are refused', async (t) => {
  const make = (copy: CopyOp) => () =>
    createReferenceCoder({
      side,
      copies: [copy],
      oldSize: old.length,
      newSize: next.length,
      readOld: (_position, into) => into.fill(0),
    })
  const far = old.length - 10
  const outside = [
    { oldPosition: far, newPosition: 0, length: 11 },
    { oldPosition: 0, newPosition: far, length: 11 },
  ]
  for (const copy of outside) t.throws(make(copy), { code: 'LW_DELTA_REFERENCES' })
})
