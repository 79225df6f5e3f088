import { cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ChannelAddress, parseChannelAddress } from '../../protocol/index.ts'
import { createPublisher } from '../../publisher/index.ts'
import { createLogger } from '../../serving/index.ts'
import { createTransmitter, type Transmitter } from '../../transmitter/index.ts'
import { createTransport, type Transport } from '../../transport/index.ts'
import { Tuner } from '../../tuner/index.ts'
import { readTree, sameTree } from '../support/tree-state.ts'
import { type KillSample, killPointsOf, runDoomed } from './kill-run.ts'

/** What a process is killed in. */
export type KilledAct =
  | 'subscribe'
  | 'update'
  | 'undo'
  | 'folder subscribe'
  | 'folder update'
  | 'folder undo'

export const killedActs: readonly KilledAct[] = [
  'subscribe',
  'update',
  'undo',
  'folder subscribe',
  'folder update',
  'folder undo',
]

const program = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

const shared = Object.fromEntries(
  Array.from({ length: 6 }, (_, at) => [`lib/file-${at}.txt`, `file ${at}\n`.repeat(60)]),
)
const releases = [
  { ...shared, 'index.html': 'one', 'gone.txt': 'removed in two', 'a/inner.txt': 'a folder' },
  { ...shared, 'index.html': 'two', 'lib/file-1.txt': 'changed', 'new.txt': 'new', a: 'a file' },
] as const

type Trees = ReadonlyMap<string, string>

/** Counts of what was found after kills. */
export interface KillCounts {
  points: number
  old: number
  new: number
  readonly mixed: string[]
  readonly litter: string[]
  readonly stuck: string[]
}

/** Real commands over a real transmitter, killed, and what a tuner finds afterwards. */
export class KillBench {
  readonly #root: string
  readonly #transmitter: Transmitter
  readonly #transport: Transport
  #address: ChannelAddress | undefined
  #link = ''

  private constructor(root: string, transmitter: Transmitter, transport: Transport) {
    this.#root = root
    this.#transmitter = transmitter
    this.#transport = transport
  }

  static async open(): Promise<KillBench> {
    const root = await realpath(await mkdtemp(path.join(os.tmpdir(), 'lw-kill-')))
    const transmitter = createTransmitter({
      directory: path.join(root, 'publisher', 'transmitter'),
      listen: { host: '127.0.0.1', port: 0 },
      logger: createLogger({ name: 'test', level: 'silent' }),
    })
    const url = await transmitter.start()
    const transport = createTransport({ userAgent: 'longwave-test' })
    const bench = new KillBench(root, transmitter, transport)
    await bench.#publish(`${url}/site`, 0)
    return bench
  }

  async #publish(channel: string, release: 0 | 1): Promise<void> {
    const base = path.join(this.#root, 'base')
    await rm(base, { recursive: true, force: true })
    for (const [name, text] of Object.entries(releases[release])) {
      await mkdir(path.dirname(path.join(base, name)), { recursive: true })
      await writeFile(path.join(base, name), text)
    }
    const home = path.join(this.#root, 'publisher')
    const publisher = createPublisher({ home, transport: this.#transport })
    const { link } = await publisher.publish({ directory: base, channel })
    if (link !== undefined) {
      this.#link = link
      this.#address = parseChannelAddress(link)
    }
  }

  get #place(): string {
    return path.join(this.#root, 'place')
  }

  get #home(): string {
    return path.join(this.#place, 'home')
  }

  get #folder(): string {
    return path.join(this.#place, 'folder')
  }

  async #withTuner<T>(work: (tuner: Tuner) => Promise<T>): Promise<T> {
    const tuner = new Tuner({ home: this.#home, transport: this.#transport })
    await tuner.start()
    try {
      return await work(tuner)
    } finally {
      await tuner.stop()
    }
  }

  async #subscribe(tuner: Tuner, isFolder: boolean): Promise<void> {
    if (this.#address === undefined) throw new Error('nothing was published')
    const into = { directory: this.#folder, adopt: true, protect: [] }
    await tuner.subscribe({ address: this.#address, ...(isFolder ? { into } : {}) })
  }

  /** The places before each act, one beside the other, since the channel has one head at a time. */
  async prepare(acts: readonly KilledAct[]): Promise<void> {
    const early = acts.filter((act) => act.endsWith('update') || act.endsWith('undo'))
    for (const act of early) await this.#begin(act)
    await this.#publish(this.#address?.url ?? '', 1)
    await this.#transmitter.idle()
    for (const act of acts) {
      if (!early.includes(act)) await this.#begin(act)
      else if (act.endsWith('undo')) await this.#goOn(act)
    }
  }

  async #begin(act: KilledAct): Promise<void> {
    await rm(this.#place, { recursive: true, force: true })
    await mkdir(this.#folder, { recursive: true })
    await writeFile(path.join(this.#folder, 'local.txt'), 'made by the user')
    const isFolder = act.startsWith('folder')
    if (!act.endsWith('subscribe')) await this.#withTuner((one) => this.#subscribe(one, isFolder))
    if (isFolder) await writeFile(path.join(this.#folder, 'lib', 'mine.txt'), 'mine').catch(ignore)
    await this.#keep(act)
  }

  async #goOn(act: KilledAct): Promise<void> {
    await this.#restore(act)
    await this.#withTuner(async (tuner) => tuner.update(await tuner.select()))
    await this.#keep(act)
  }

  async #keep(act: KilledAct): Promise<void> {
    const template = path.join(this.#root, `template ${act}`)
    await rm(template, { recursive: true, force: true })
    await copyTree(this.#place, template)
  }

  async #restore(act: KilledAct): Promise<void> {
    await rm(this.#place, { recursive: true, force: true })
    await copyTree(path.join(this.#root, `template ${act}`), this.#place)
  }

  #command(act: KilledAct): readonly string[] {
    const home = ['--home', this.#home, '--quiet', '--yes']
    const into = act.startsWith('folder') ? ['--into', this.#folder, '--adopt'] : []
    if (act.endsWith('subscribe')) return [program, 'subscribe', this.#link, ...into, ...home]
    return [program, act.replace('folder ', ''), 'site', ...home]
  }

  async #tree(act: KilledAct): Promise<Trees> {
    if (act.startsWith('folder')) {
      const tree = new Map(await readTree(this.#folder))
      for (const name of [...tree.keys()]) if (name.startsWith('.longwave-')) tree.delete(name)
      return tree
    }
    const current = path.join(this.#home, 'tuner/channels/site/current')
    return realpath(current).then(readTree, () => new Map())
  }

  /** Kills an act at a sample of its system calls. */
  async sweep(act: KilledAct, sample: KillSample): Promise<KillCounts> {
    const counts: KillCounts = { points: 0, old: 0, new: 0, mixed: [], litter: [], stuck: [] }
    await this.#restore(act)
    const before = await this.#tree(act)
    const points = await killPointsOf(this.#command(act), sample)
    const after = await this.#tree(act)
    for (const point of points) {
      if (sample.isOver?.() === true) break
      await this.#restore(act)
      if (!(await runDoomed(point, this.#command(act)))) continue
      counts.points++
      await this.#look(act, `${act} at ${point.call} ${point.at}`, { before, after, counts })
    }
    return counts
  }

  async #look(
    act: KilledAct,
    point: string,
    found: { readonly before: Trees; readonly after: Trees; readonly counts: KillCounts },
  ): Promise<void> {
    const { before, after, counts } = found
    try {
      await this.#withTuner(async (tuner) => {
        for (const one of await tuner.select()) await tuner.describe(one)
        const tree = await this.#tree(act)
        if (sameTree(tree, before)) counts.old++
        else if (sameTree(tree, after)) counts.new++
        else counts.mixed.push(point)
        if (act.endsWith('subscribe')) await this.#subscribe(tuner, act.startsWith('folder'))
        const [subscription] = await tuner.select()
        if (subscription === undefined) throw new Error('nothing is subscribed')
        const [outcome] = await tuner.update([subscription])
        if (outcome?.ok !== true) throw outcome?.error ?? new Error('no outcome')
        if (outcome.result.to !== 2) throw new Error(`it ended at ${outcome.result.to}`)
        const { damages } = await tuner.verify(subscription)
        if (damages.length > 0) throw new Error(`${damages.length} damages`)
      })
    } catch (error) {
      counts.stuck.push(`${point}: ${String(error)}`)
    }
    const isLeft = /building-|removed-|\.longwave-updating|\/staging\/.|folders\/[^/]+\/journal/
    const isRoom = /\/staging\/(objects|partial|output)$/
    for (const name of (await readTree(this.#place)).keys()) {
      // In the home itself only what is a minute old is anybody's to remove.
      const isTemporary = /\.lw-/.test(name) && !/^home\/tuner\/\.lw-/.test(name)
      if ((isLeft.test(name) || isTemporary) && !isRoom.test(name)) {
        counts.litter.push(`${point}: ${name}`)
      }
    }
  }

  async close(): Promise<void> {
    await this.#transmitter.stop()
    await this.#transport.stop()
    await rm(this.#root, { recursive: true, force: true })
  }
}

function ignore(): void {}

function copyTree(from: string, to: string): Promise<void> {
  return cp(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
}
