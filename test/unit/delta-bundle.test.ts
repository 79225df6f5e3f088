import fc from 'fast-check'
import t from 'tap'
import { expectationOf } from '../../delta/index.ts'
import { digestOf, parseEntryPath } from '../../protocol/index.ts'
import {
  applied,
  bundleOf,
  noise,
  prose,
  releaseOf,
  seeded,
  type TestRelease,
} from './delta-releases.ts'

async function bytesOf(old: TestRelease, next: TestRelease): Promise<number> {
  const bundle = bundleOf(old, next)
  const { manifest, objects, outputs } = await applied(old, bundle, expectationOf(next.manifest))
  if (Buffer.compare(manifest, next.manifest) !== 0) throw new Error('another manifest')
  for (const { sha256, index } of objects) {
    if (digestOf(outputs[index] as Uint8Array) !== sha256) throw new Error('another object')
  }
  return bundle.length
}

// Machines may be busy: this is no measurement.
t.setTimeout(180_000)

t.test('C18: a small edit of a large file costs tens of bytes, all included', async (t) => {
  const text = prose(seeded(1), 20_000)
  const edited = `${text.slice(0, 40_000)}inserted here ${text.slice(40_000)}`
  const cost = await bytesOf(
    releaseOf({ 'a.txt': text }),
    releaseOf({ 'a.txt': edited }, { release: 2 }),
  )
  t.ok(cost < 80, `${cost} bytes`)
})

t.test('C19: renames, copies and removals cost next to nothing', async (t) => {
  const random = seeded(2)
  const files = { 'a/one': noise(random, 50_000), 'a/two': noise(random, 5000), three: 'x' }
  const moved = { 'b/one': files['a/one'], 'a/two': files['a/two'], 'c/copy': files['a/two'] }
  const cost = await bytesOf(releaseOf(files), releaseOf(moved, { release: 2 }))
  t.ok(cost < 60, `${cost} bytes`)
})

t.test('C19: a file that was renamed and changed is found', async (t) => {
  const random = seeded(3)
  const content = noise(random, 100_000)
  const changed = content.slice()
  changed.set(noise(random, 10), 50_000)
  const old = releaseOf({ 'old-name.bin': content, keep: 'k' })
  const cost = await bytesOf(old, releaseOf({ 'new-name.bin': changed, keep: 'k' }, { release: 2 }))
  t.ok(cost < 120, `${cost} bytes`)
})

t.test('C19: new files that are alike travel once', async (t) => {
  const random = seeded(4)
  const content = prose(random, 3000)
  const next = { 'x.txt': content, 'y.txt': `${content}!`, 'z.txt': `>${content}` }
  const one = await bytesOf(releaseOf({}), releaseOf({ 'x.txt': content }, { release: 2 }))
  const three = await bytesOf(releaseOf({}), releaseOf(next, { release: 2 }))
  t.ok(three < one + 100, `${three} against ${one} bytes`)
})

t.test('everything that a manifest can say arrives', async (t) => {
  const link = { type: 'symlink', path: parseEntryPath('link'), target: 'a.txt' } as const
  const folder = { type: 'directory', path: parseEntryPath('empty') } as const
  const old = releaseOf({ 'a.txt': 'a', b: 'b', d: 'd' }, { others: [folder] })
  const next = releaseOf(
    { 'a.txt': 'a', b: 'b2', d: '', 'ü/ñ.txt': 'new', 'e.odd': 'e' },
    {
      release: 9,
      others: [link],
      executables: ['a.txt', 'b'],
      attributes: { label: '2.0', title: 'A title', kind: 'application', main: 'b', category: 'c' },
    },
  )
  t.ok((await bytesOf(old, next)) < 400)
  t.ok((await bytesOf(next, old)) < 200, 'and goes back')
})

t.test('nothing changed, everything removed, everything new', async (t) => {
  const full = releaseOf({ a: 'one', 'b/c': 'two' })
  t.ok((await bytesOf(full, releaseOf({ a: 'one', 'b/c': 'two' }, { release: 2 }))) < 24)
  t.ok((await bytesOf(full, releaseOf({}, { release: 2 }))) < 30)
  t.ok((await bytesOf(releaseOf({}), full)) < 100)
})

t.test('C115: one changed file of 100,000 costs under 200 bytes', async (t) => {
  const files: Record<string, string> = {}
  for (let i = 0; i < 100_000; i++) files[`folder-${i % 317}/file-${i}.txt`] = `${i % 50}`
  const old = releaseOf(files)
  const next = releaseOf({ ...files, 'folder-7/file-7.txt': 'changed' }, { release: 2 })
  const cost = await bytesOf(old, next)
  t.ok(cost < 200, `${cost} bytes`)
})

t.test('C18: noise is never larger than itself, but for the framing', async (t) => {
  const random = seeded(5)
  const content = noise(random, 300_000)
  const cost = await bytesOf(
    releaseOf({ a: 'a' }),
    releaseOf({ a: 'a', b: content }, { release: 2 }),
  )
  t.ok(cost < content.length + 100, `${cost} bytes`)
})

t.test('C18: any two trees: the bundle gives the new one', async (t) => {
  const name = fc.constantFrom('a', 'b.txt', 'c/d', 'c/e.js', 'f.bin', 'g/h/i', 'ö')
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 2000 }),
    fc.nat(9).map((seed) => Buffer.from(prose(seeded(seed), 300))),
    fc.nat(9).map((seed) => Buffer.from(prose(seeded(seed), 300).replaceAll('long', 'short'))),
    fc.nat(9).map((seed) => noise(seeded(seed), 1500)),
  )
  const tree = fc.dictionary(name, content, { maxKeys: 7 })
  const property = fc.check(
    fc.asyncProperty(tree, tree, async (before, after) => {
      const old = releaseOf(before)
      const next = releaseOf(after, { release: 2 })
      return (await bytesOf(old, next)) > 0
    }),
    { numRuns: 60 },
  )
  t.match(await property, { failed: false, numRuns: 60 })
})
