import { createHash } from 'node:crypto'
import t from 'tap'
import { labelViews, planReferences } from '../../delta/references/index.ts'
import { copied, differences, nonZero, plainDifferences, restored } from './references-passes.ts'
import { program, programCopies } from './references-program.ts'

const inserted = new Map([
  [40, 16],
  [222, 48],
  [223, 4],
  [501, 1024],
])
const kinds = [
  { machine: 'x86', container: 'elf' },
  { machine: 'x86', container: 'pe' },
  { machine: 'x86', container: 'macho' },
  { machine: 'arm64', container: 'elf' },
  { machine: 'arm64', container: 'macho' },
] as const

for (const kind of kinds) {
  const input = {
    old: program(kind),
    next: program({ ...kind, inserted }),
    copies: programCopies(inserted),
  }
  const name = `${kind.machine} ${kind.container}`

  t.test(`C115: moved code of ${name} costs almost no differences`, async (t) => {
    const plan = planReferences(input)
    t.ok(plan, 'prediction pays')
    if (plan === undefined) return
    const all = differences(input, plan.side)
    const before = nonZero(plainDifferences(input))
    t.ok(before > 500, `${before} bytes differ without prediction`)
    t.ok(nonZero(all) < before * 0.05, `${nonZero(all)} bytes differ with it`)
    t.ok(plan.side.length < 200, `${plan.side.length} bytes tell the decoder how`)
    const back = restored({ ...input, newSize: input.next.length }, plan.side, all)
    t.same(Buffer.compare(back, copied(input)), 0, 'every byte comes back')
  })
}

/** What the first version of the format gives: bundles must mean the same for ever. */
const firstDigests = {
  'x86 elf': 'cfcac217bb000467',
  'x86 pe': 'b10a82f858c1cadf',
  'x86 macho': 'f78e911b6bda17d4',
  'arm64 elf': 'ef3fc86e21c9a9c7',
  'arm64 macho': 'f10b7b783ad55b06',
}

t.test('C115: sides, differences and views are those of the first version', async (t) => {
  for (const kind of kinds) {
    const input = {
      old: program(kind),
      next: program({ ...kind, inserted }),
      copies: programCopies(inserted),
    }
    const side = planReferences(input)?.side ?? new Uint8Array(0)
    const views = labelViews(input) ?? { old: '', next: '' }
    const hash = createHash('sha256').update(side).update(differences(input, side))
    const digest = hash.update(views.old).update(views.next).digest('hex').slice(0, 16)
    const name = `${kind.machine} ${kind.container}` as keyof typeof firstDigests
    t.equal(digest, firstDigests[name], name)
  }
})

t.test('C115: two programs among other files are predicted each on its own', async (t) => {
  const first = program(kinds[0])
  const second = program(kinds[3])
  const text = Buffer.alloc(5000, 'plain text ')
  const old = Buffer.concat([text, first, second])
  const next = Buffer.concat([
    program({ ...kinds[3], inserted }),
    text,
    program({ ...kinds[0], inserted }),
  ])
  const size = first.length
  const shifted = (oldBy: number, newBy: number) =>
    programCopies(inserted).map((copy) => ({
      oldPosition: copy.oldPosition + oldBy,
      newPosition: copy.newPosition + newBy,
      length: copy.length,
    }))
  const copies = [
    ...shifted(text.length + size, 0),
    { oldPosition: 0, newPosition: size, length: text.length },
    ...shifted(text.length, size + text.length),
  ]
  const input = {
    old,
    next,
    copies,
    oldFiles: [
      { position: 0, size: text.length },
      { position: text.length, size },
      { position: text.length + size, size },
    ],
    nextFiles: [
      { position: 0, size },
      { position: size, size: text.length },
      { position: size + text.length, size },
    ],
  }
  const plan = planReferences(input)
  t.ok(plan)
  if (plan === undefined) return
  const all = differences(input, plan.side)
  t.ok(nonZero(all) < nonZero(plainDifferences(input)) * 0.05)
  const back = restored({ ...input, newSize: next.length }, plan.side, all)
  t.same(Buffer.compare(back, copied(input)), 0)
})

t.test('C115: views of moved code differ in what was inserted only', async (t) => {
  const kind = kinds[0]
  const input = {
    old: program(kind),
    next: program({ ...kind, inserted }),
    copies: programCopies(inserted),
  }
  const views = labelViews(input)
  t.ok(views)
  if (views === undefined) return
  t.equal(views.old.length, input.old.length)
  t.equal(views.next.length, input.next.length)
  const seen = nonZero(plainDifferences({ ...input, ...views }))
  t.ok(seen < nonZero(plainDifferences(input)) * 0.05, `${seen} bytes differ in the views`)
})

t.test('C115: files without executables are left alone', async (t) => {
  const old = Buffer.alloc(9000, 'no program here ')
  const copies = [{ oldPosition: 0, newPosition: 0, length: old.length }]
  t.equal(planReferences({ old, next: old, copies }), undefined)
  t.equal(labelViews({ old, next: old, copies }), undefined)
})

t.test('C115: an unchanged program needs no prediction', async (t) => {
  const old = program(kinds[0])
  const copies = [{ oldPosition: 0, newPosition: 0, length: old.length }]
  t.equal(planReferences({ old, next: old, copies }), undefined)
})

t.test('C115: headers that point outside of the file are no executables', async (t) => {
  for (const kind of kinds) {
    const whole = program(kind)
    for (const length of [16, 64, 70, 100, 150, 400]) {
      const old = whole.slice(0, length)
      const copies = [{ oldPosition: 0, newPosition: 0, length }]
      t.doesNotThrow(() => planReferences({ old, next: old, copies }))
    }
  }
})
