import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type FileSystem, nodeFileSystem } from '../../store/durable-files/index.ts'
import { systemClock } from '../../transport/index.ts'
import { GenerationStore } from '../../tuner/generations/index.ts'
import type { Subscription } from '../../tuner/subscriptions/index.ts'
import {
  recoverFolder,
  undoFolder,
  updateFolder,
  type UpdateContext,
  updateGenerations,
} from '../../tuner/updates/index.ts'
import {
  channelId,
  channelUrl,
  makeRelease,
  type MemoryRelease,
} from '../support/memory-channel.ts'
import { memoryTransport } from '../support/memory-transport.ts'
import { readTree, sameTree, treeOf } from '../support/tree-state.ts'
import type { FaultMode } from './fault-file-system.ts'
import { type SweepResult, sweepFaults } from './sweep-faults.ts'
import type { Workload } from './update-workloads.ts'

/** What a sweep of the tuner breaks. */
export type TunerAct = 'update' | 'undo' | 'folder update' | 'folder undo'

interface Point {
  readonly root: string
}

export interface TunerSweepOptions {
  readonly workload: Workload
  readonly act: TunerAct
  readonly modes?: readonly FaultMode[]
  readonly stride?: number
}

/**
 * Breaks an act of the tuner at every mutating file operation. After recovery the folder must be
 * the old release or the new one, the next update must succeed and nothing may be left behind.
 */
export async function sweepTuner(options: TunerSweepOptions): Promise<SweepResult> {
  const bench = await Bench.open(options)
  try {
    return await sweepFaults<Point>({
      ...(options.modes === undefined ? {} : { modes: options.modes }),
      ...(options.stride === undefined ? {} : { stride: options.stride }),
      prepare: () => bench.prepare(),
      act: (fs, point) => bench.act(fs, point.root),
      recover: (point) => bench.recover(point.root),
      check: (point) => bench.check(point.root),
      cleanUp: (point) => rm(point.root, { recursive: true, force: true }),
    })
  } finally {
    await bench.close()
  }
}

class Bench {
  readonly #act: TunerAct
  readonly #pages = new Map<string, Uint8Array>()
  readonly #first: MemoryRelease
  readonly #second: MemoryRelease
  readonly #template: string

  private constructor(options: TunerSweepOptions, template: string) {
    this.#act = options.act
    this.#first = makeRelease(1, options.workload.before, this.#pages)
    this.#second = makeRelease(2, options.workload.after, this.#pages)
    this.#template = template
  }

  static async open(options: TunerSweepOptions): Promise<Bench> {
    const template = await mkdtemp(path.join(os.tmpdir(), 'lw-sweep-'))
    const bench = new Bench(options, template)
    await mkdir(path.join(template, 'folder'))
    await mkdir(path.join(template, 'state'))
    await bench.#update(nodeFileSystem, template, bench.#first)
    if (options.act.endsWith('undo')) await bench.#update(nodeFileSystem, template, bench.#second)
    return bench
  }

  async close(): Promise<void> {
    await rm(this.#template, { recursive: true, force: true })
  }

  get #isFolder(): boolean {
    return this.#act.startsWith('folder')
  }

  #context(fs: FileSystem): UpdateContext {
    return {
      fs,
      transport: memoryTransport(this.#pages),
      clock: systemClock,
      sources: [channelUrl],
    }
  }

  #subscription(root: string): Subscription {
    return {
      id: 'demo',
      name: 'demo',
      url: channelUrl,
      channel: channelId,
      firstUse: 'pinned',
      addedAt: '2026-01-01T00:00:00Z',
      ...(this.#isFolder ? { into: { directory: path.join(root, 'folder'), protect: [] } } : {}),
    }
  }

  async #update(fs: FileSystem, root: string, release: MemoryRelease): Promise<void> {
    const subscription = this.#subscription(root)
    const { head } = release
    if (this.#isFolder) {
      const stateDirectory = path.join(root, 'state')
      await updateFolder(this.#context(fs), { subscription, stateDirectory, head })
      return
    }
    const store = new GenerationStore({ fs, directory: path.join(root, 'state') })
    await store.recover()
    await updateGenerations(this.#context(fs), { subscription, store, head, kept: 3 })
  }

  async prepare(): Promise<Point> {
    const root = await mkdtemp(path.join(os.tmpdir(), 'lw-point-'))
    // Hard links within the copy stay apart: that only makes the workload stricter.
    await cp(this.#template, root, {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
    })
    if (this.#isFolder && this.#act === 'folder update') {
      await writeFile(path.join(root, 'folder', 'local-extra.txt'), 'made by the user')
    }
    return { root }
  }

  async act(fs: FileSystem, root: string): Promise<void> {
    if (this.#act.endsWith('update')) return this.#update(fs, root, this.#second)
    if (this.#act === 'folder undo') {
      await undoFolder(this.#context(fs), {
        subscription: this.#subscription(root),
        stateDirectory: path.join(root, 'state'),
      })
      return
    }
    await new GenerationStore({ fs, directory: path.join(root, 'state') }).switchTo(1)
  }

  async recover(root: string): Promise<void> {
    if (this.#isFolder) {
      await recoverFolder(this.#context(nodeFileSystem), {
        subscription: this.#subscription(root),
        stateDirectory: path.join(root, 'state'),
      })
      return
    }
    await new GenerationStore({ fs: nodeFileSystem, directory: path.join(root, 'state') }).recover()
  }

  async check(root: string): Promise<'old' | 'new' | 'mixed'> {
    const state = this.#stateOf(await this.#tree(root))
    if (state === 'mixed') return 'mixed'
    // The next update must work, and leave nothing of the broken one behind.
    await this.#update(nodeFileSystem, root, this.#second)
    const after = await this.#tree(root)
    if (!sameTree(after, treeOf(this.#second.manifest))) return 'mixed'
    return (await this.#leftovers(root)).length === 0 ? state : 'mixed'
  }

  async #tree(root: string): Promise<ReadonlyMap<string, string>> {
    const directory = this.#isFolder
      ? path.join(root, 'folder')
      : path.join(root, 'state', 'current')
    const tree = new Map(await readTree(`${directory}/`))
    if (this.#isFolder) {
      // What waits for the next update, and what the user made, is no part of a release.
      for (const name of [...tree.keys()]) {
        if (name.startsWith('.longwave-updating') || name === 'local-extra.txt') tree.delete(name)
      }
    }
    return tree
  }

  #stateOf(tree: ReadonlyMap<string, string>): 'old' | 'new' | 'mixed' {
    const [old, next] = this.#act.endsWith('undo')
      ? [this.#second, this.#first]
      : [this.#first, this.#second]
    if (sameTree(tree, treeOf(old.manifest))) return 'old'
    return sameTree(tree, treeOf(next.manifest)) ? 'new' : 'mixed'
  }

  async #leftovers(root: string): Promise<readonly string[]> {
    const all = await readdir(root, { recursive: true })
    return all.filter((name) => /\.lw-|building-|removed-|\.longwave-updating|partial\//.test(name))
  }
}
