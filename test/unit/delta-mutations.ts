import { isLongwaveError } from '../../protocol/index.ts'
import { expectationOf } from '../../delta/index.ts'
import {
  applied,
  bundleOf,
  noise,
  prose,
  releaseOf,
  seeded,
  type TestRelease,
} from './delta-releases.ts'
import { makeGzip, makeTar, makeZip } from './archives-fixtures.ts'
import { program } from './references-program.ts'

export interface SweepResult {
  refused: number
  /** The damage did not change what the bundle says. */
  harmless: number
  /** What must not be: other errors, wrong output. */
  readonly findings: string[]
  slowestMs: number
}

interface Case {
  readonly old: TestRelease
  readonly next: TestRelease
  readonly bundle: Uint8Array
}

/** Releases that use every part of the format: text, binaries, noise, moves, links. */
export function hostileCases(seed: number): Case[] {
  const random = seeded(seed)
  const text = prose(random, 400)
  const binary = noise(random, 6000).map((byte, i) => (i % 3 === 0 ? byte : 0))
  const shifted = binary.slice()
  for (let i = 0; i < shifted.length; i += 97) shifted[i] = (shifted[i] ?? 0) + 3
  const old = releaseOf({ 'a.txt': text, 'b.bin': binary, 'c/d.txt': 'same', 'gone.txt': 'gone' })
  const next = releaseOf(
    {
      'a.txt': text.replaceAll('wave', 'waves').slice(50),
      'b.bin': shifted,
      'c/d.txt': 'same',
      'moved.txt': 'gone',
      'new.txt': prose(random, 60),
      'noise.bin': noise(random, 9000),
    },
    { release: 2, attributes: { label: '1.2.3' } },
  )
  const tiny = releaseOf({ 'a.txt': 'hello' })
  const tinyNext = releaseOf({ 'a.txt': 'hello world' }, { release: 2 })
  return [
    { old, next, bundle: bundleOf(old, next) },
    { old: tiny, next: tinyNext, bundle: bundleOf(tiny, tinyNext) },
    archiveCase(random),
  ]
}

/** Archives, with entries that change, stay, move and are nested. */
function archiveCase(random: () => number): Case {
  const content = (words: number): Uint8Array => Buffer.from(prose(random, words))
  const kept = [40, 50, 60].map((words, i) => ({ name: `k${i}`, content: content(words) }))
  const tar = (words: number): Uint8Array => makeGzip(makeTar({ a: content(words) }))
  const zip = (first: string): Uint8Array =>
    makeZip([
      { name: 'changes', content: Buffer.from(`${first} and more`) },
      ...kept,
      { name: 'in.tgz', content: tar(30), descriptor: true },
    ])
  const old = releaseOf({ 'a.zip': zip('this'), 'b.tgz': tar(50) })
  const next = releaseOf({ 'a.zip': zip('that'), 'b.tgz': tar(55) }, { release: 2 })
  return { old, next, bundle: bundleOf(old, next) }
}

/** What takes longer to apply: a program whose code moved, a binary that changed all over. */
export function largeCases(seed: number): Case[] {
  const random = seeded(seed)
  const made = (inserted: number): Uint8Array =>
    program({ machine: 'x86', container: 'elf', inserted: new Map([[100, inserted]]) })
  const old = releaseOf({ program: made(0) })
  const next = releaseOf({ program: made(48) }, { release: 2 })
  const before = noise(random, 220_000).map((byte, i) => (i % 50 === 0 ? 0 : byte))
  const after = before.map((byte, i) => (i % 3 === 0 ? byte + 1 + (i % 5) : byte))
  const data = releaseOf({ 'a.bin': before })
  const dataNext = releaseOf({ 'a.bin': after }, { release: 2 })
  return [
    { old, next, bundle: bundleOf(old, next) },
    { old: data, next: dataNext, bundle: bundleOf(data, dataNext) },
  ]
}

/** One in so many bundles is one that takes longer to apply. */
const largeEvery = 50

/** Applies `count` damaged bundles; each is either refused by name or gives the signed release. */
export async function sweepMutations(seed: number, count: number): Promise<SweepResult> {
  const random = seeded(seed)
  const cases = hostileCases(seed)
  const large = largeCases(seed)
  const result: SweepResult = { refused: 0, harmless: 0, findings: [], slowestMs: 0 }
  for (let i = 0; i < count; i++) {
    const slow = i % largeEvery === largeEvery - 1
    const list = slow ? large : cases
    const { old, next, bundle } = list[Math.floor(slow ? i / largeEvery : i) % list.length] as Case
    const damaged = mutate(bundle, random)
    const before = process.cpuUsage()
    try {
      const { manifest } = await applied(old, damaged, expectationOf(next.manifest))
      if (Buffer.compare(manifest, next.manifest) === 0) result.harmless++
      else result.findings.push(`${i}: wrong output accepted`)
    } catch (error) {
      if (isLongwaveError(error)) result.refused++
      else result.findings.push(`${i}: ${(error as Error).stack}`)
    }
    // The processor's time: on a busy machine the clock says more about others than about us.
    const { user, system } = process.cpuUsage(before)
    result.slowestMs = Math.max(result.slowestMs, (user + system) / 1000)
  }
  return result
}

function mutate(bundle: Uint8Array, random: () => number): Uint8Array {
  const damaged = bundle.slice()
  const at = Math.floor(random() * damaged.length)
  switch (Math.floor(random() * 6)) {
    case 0:
      damaged[at] = Math.floor(random() * 256)
      return damaged
    case 1:
      damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random() * 8))
      return damaged
    case 2:
      return damaged.slice(0, at)
    case 3:
      damaged.fill(Math.floor(random() * 256), at, at + 1 + Math.floor(random() * 40))
      return damaged
    case 4:
      damaged.copyWithin(at, Math.floor(random() * damaged.length))
      return damaged
    default:
      for (let i = 0; i < 8; i++) {
        damaged[9 + Math.floor(random() * (damaged.length - 9))] = Math.floor(random() * 256)
      }
      return damaged
  }
}
