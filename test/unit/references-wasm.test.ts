import t from 'tap'
import { planReferences } from '../../delta/references/index.ts'
import { copied, differences, nonZero, plainDifferences, restored } from './references-passes.ts'
import { seeded } from './references-program.ts'

function leb(value: number, length: number): number[] {
  return Array.from({ length }, (_, index) => {
    const part = Math.floor(value / 128 ** index) % 128
    return index < length - 1 ? part | 128 : part
  })
}

/** A module whose code calls functions and loads constants, and whose data has many segments. */
function module(shift: { readonly functions: number; readonly addresses: number }): Uint8Array {
  const random = seeded(5)
  const code: number[] = []
  for (let site = 0; site < 3000; site++) {
    const callee = 1000 + (random() % 2000)
    const moved = callee >= 1500 ? callee + shift.functions : callee
    code.push(0x20, 1, 0x42, ...leb(0x1000_0000 + moved * 65_536 + (site % 50), 5))
    code.push(0x37, 3, 0, 0x10, ...leb(moved, 2))
    code.push(0x42, ...leb(700_000 + (random() % 4000) * 16 + shift.addresses, 3), 0x1a)
  }
  const data: number[] = []
  for (let segment = 0; segment < 800; segment++) {
    data.push(0, 0x41, ...leb(300_000 + segment * 32 + shift.addresses, 3), 0x0b, 12)
    for (let at = 0; at < 12; at++) data.push(random() % 200)
  }
  const section = (kind: number, body: readonly number[]) => [kind, ...leb(body.length, 3), ...body]
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
  return Uint8Array.from([...header, ...section(10, code), ...section(11, data)])
}

t.test('C115: WebAssembly numbers that moved cost fewer differences', async (t) => {
  const old = module({ functions: 0, addresses: 0 })
  const next = module({ functions: 3, addresses: 4096 })
  const input = { old, next, copies: [{ oldPosition: 0, newPosition: 0, length: old.length }] }
  const plan = planReferences(input)
  t.ok(plan)
  if (plan === undefined) return
  const all = differences(input, plan.side)
  const before = nonZero(plainDifferences(input))
  t.ok(nonZero(all) < before * 0.1, `${nonZero(all)} instead of ${before} bytes differ`)
  const back = restored({ ...input, newSize: next.length }, plan.side, all)
  t.same(Buffer.compare(back, copied(input)), 0)
})
