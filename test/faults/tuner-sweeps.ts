import { cp, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import {
  ensureDirectory,
  type FileSystem,
  nodeFileSystem,
} from '../../store/durable-files/index.ts'
import { systemClock } from '../../transport/index.ts'
import { GenerationStore } from '../../tuner/generations/index.ts'
import type { Subscription } from '../../tuner/subscriptions/index.ts'
import {
  recoverFolder,
  undoFolder,
  type UpdateContext,
  updateFolder,
  updateGenerations,
} from '../../tuner/updates/index.ts'
import {
  channelId,
  channelUrl,
  makeRelease,
  type MemoryRelease,
  offerBundle,
} from '../support/memory-channel.ts'
import { memoryTransport } from '../support/memory-transport.ts'
import { readTreeOf, sameTree, treeOf } from '../support/tree-state.ts'
import type { FaultMode } from './fault-file-system.ts'
import { MemoryFileSystem } from './memory-file-system.ts'
import { type SweepResult, sweepFaults } from './sweep-faults.ts'
import { sweepPowerCuts } from './sweep-power-cuts.ts'
import type { Workload } from './update-workloads.ts'

/** What a sweep of the tuner breaks. */
export type TunerAct = 'update' | 'undo' | 'folder update' | 'folder undo'

export const tunerActs: readonly TunerAct[] = ['update', 'undo', 'folder update', 'folder undo']

/** The state of one tuner with one subscription, below a root. */
export interface TunerPlace {
  readonly fs: FileSystem
  readonly root: string
}

export interface TunerSweepOptions {
  readonly workload: Workload
  readonly act: TunerAct
  /** The real file system instead of one in memory. */
  readonly isReal?: boolean
  readonly modes?: readonly FaultMode[]
  readonly stride?: number
}

/**
 * Breaks an act of the tuner at every mutating file operation. After recovery the folder must be
 * the old release or the new one, the next update must succeed and nothing may be left behind.
 */
export async function sweepTuner(options: TunerSweepOptions): Promise<SweepResult> {
  const bench = await TunerBench.open(options)
  const template = options.isReal === true ? await makeTemplate(bench) : undefined
  const places: { current: TunerPlace } = { current: { fs: nodeFileSystem, root: '/' } }
  try {
    return await sweepFaults<TunerPlace>({
      ...(options.modes === undefined ? {} : { modes: options.modes }),
      ...(options.stride === undefined ? {} : { stride: options.stride }),
      fileSystem: delegating(() => places.current.fs),
      prepare: async () => {
        places.current =
          template === undefined ? await placeInMemory(bench) : await copyPlace(template)
        await bench.touch(places.current)
        return places.current
      },
      act: (fs, place) => bench.act({ fs, root: place.root }),
      recover: (place) => bench.recover(place),
      check: (place) => bench.check(place),
      cleanUp: async (place) => {
        if (template !== undefined) await rm(place.root, { recursive: true, force: true })
      },
    })
  } finally {
    if (template !== undefined) await rm(template.root, { recursive: true, force: true })
  }
}

/** The same with the power cut at every operation, on a disk that keeps only what was synced. */
export async function sweepTunerPowerCuts(
  options: Pick<TunerSweepOptions, 'workload' | 'act' | 'stride'>,
): Promise<SweepResult> {
  const bench = await TunerBench.open(options)
  return sweepPowerCuts({
    ...(options.stride === undefined ? {} : { stride: options.stride }),
    prepare: async (fs) => {
      await bench.prepare({ fs, root: '/lw' })
      await bench.touch({ fs, root: '/lw' })
      await syncAll(fs, '/')
    },
    act: (fs) => bench.act({ fs, root: '/lw' }),
    recover: (fs) => bench.recover({ fs, root: '/lw' }),
    check: (fs) => bench.check({ fs, root: '/lw' }),
  })
}

async function syncAll(fs: FileSystem, folder: string): Promise<void> {
  for (const entry of await fs.readdir(folder)) {
    const full = path.join(folder, entry.name)
    if (entry.type === 'directory') await syncAll(fs, full)
    else if (entry.type === 'file') {
      const handle = await fs.open(full, 'r')
      await handle.sync()
      await handle.close()
    }
  }
  await fs.syncDirectory(folder)
}

async function placeInMemory(bench: TunerBench): Promise<TunerPlace> {
  const place = { fs: new MemoryFileSystem(), root: '/lw' }
  await bench.prepare(place)
  return place
}

async function makeTemplate(bench: TunerBench): Promise<TunerPlace> {
  const place = { fs: nodeFileSystem, root: await mkdtemp(path.join(os.tmpdir(), 'lw-sweep-')) }
  await bench.prepare(place)
  return place
}

async function copyPlace(template: TunerPlace): Promise<TunerPlace> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'lw-point-'))
  // Hard links within the copy stay apart: that only makes the workload stricter.
  await cp(template.root, root, {
    recursive: true,
    verbatimSymlinks: true,
    preserveTimestamps: true,
  })
  return { fs: nodeFileSystem, root }
}

/** A file system that is looked up at every call: each point has one of its own. */
function delegating(current: () => FileSystem): FileSystem {
  return new Proxy({} as FileSystem, {
    get: (_, name) => {
      const fs = current()
      const member = fs[name as keyof FileSystem] as (...given: unknown[]) => unknown
      return member.bind(fs)
    },
  })
}

interface Channel {
  readonly pages: ReadonlyMap<string, Uint8Array>
  readonly first: MemoryRelease
  readonly second: MemoryRelease
}

/** A workload's channel is made once: making a bundle takes longer than many a point. */
const channels = new Map<Workload, Promise<Channel>>()

async function makeChannel(workload: Workload): Promise<Channel> {
  const pages = new Map<string, Uint8Array>()
  const first = makeRelease(1, workload.before, pages)
  const second = makeRelease(2, workload.after, pages)
  if (workload.isBundled === true) await offerBundle(first, second, pages)
  return { pages, first, second }
}

/** What is done to a tuner's state, and what must come of it. */
export class TunerBench {
  readonly #act: TunerAct
  readonly #pages: ReadonlyMap<string, Uint8Array>
  readonly #first: MemoryRelease
  readonly #second: MemoryRelease

  private constructor(act: TunerAct, channel: Channel) {
    this.#act = act
    this.#pages = channel.pages
    this.#first = channel.first
    this.#second = channel.second
  }

  static async open(options: {
    readonly act: TunerAct
    readonly workload: Workload
  }): Promise<TunerBench> {
    const { act, workload } = options
    const channel = channels.get(workload) ?? makeChannel(workload)
    channels.set(workload, channel)
    return new TunerBench(act, await channel)
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

  #folder({ root }: TunerPlace) {
    const subscription: Subscription = {
      id: 'demo',
      name: 'demo',
      url: channelUrl,
      channel: channelId,
      firstUse: 'pinned',
      addedAt: '2026-01-01T00:00:00Z',
      ...(this.#isFolder ? { into: { directory: path.join(root, 'folder'), protect: [] } } : {}),
    }
    return { subscription, stateDirectory: path.join(root, 'state') }
  }

  #store({ fs, root }: TunerPlace): GenerationStore {
    return new GenerationStore({ fs, directory: path.join(root, 'state') })
  }

  /** The state before the act. */
  async prepare(place: TunerPlace): Promise<void> {
    await ensureDirectory(place.fs, path.join(place.root, 'folder'))
    await ensureDirectory(place.fs, path.join(place.root, 'state'))
    await this.#update(place, this.#first)
    if (this.#act.endsWith('undo')) await this.#update(place, this.#second)
  }

  /** What a user does to a folder in between. */
  async touch({ fs, root }: TunerPlace): Promise<void> {
    if (this.#act !== 'folder update') return
    const handle = await fs.open(path.join(root, 'folder', 'local-extra.txt'), 'wx')
    await handle.write(Buffer.from('made by the user'))
    await handle.close()
  }

  async #update(place: TunerPlace, release: MemoryRelease): Promise<void> {
    const folder = this.#folder(place)
    const context = this.#context(place.fs)
    const { head } = release
    if (this.#isFolder) await updateFolder(context, { ...folder, head })
    else {
      const store = this.#store(place)
      await store.recover()
      const { subscription } = folder
      await updateGenerations(context, { subscription, store, head, kept: 3 })
    }
  }

  async act(place: TunerPlace): Promise<void> {
    if (this.#act.endsWith('update')) await this.#update(place, this.#second)
    else if (this.#act === 'folder undo') {
      await undoFolder(this.#context(place.fs), this.#folder(place))
    } else await this.#store(place).switchTo('1')
  }

  async recover(place: TunerPlace): Promise<void> {
    if (this.#isFolder) await recoverFolder(this.#context(place.fs), this.#folder(place))
    else await this.#store(place).recover()
  }

  async check(place: TunerPlace): Promise<'old' | 'new' | 'mixed'> {
    const state = this.#stateOf(await this.#tree(place))
    if (state === 'mixed') return 'mixed'
    // The next update must work, and leave nothing of the broken one behind.
    await this.#update(place, this.#second)
    const after = await this.#tree(place, 'all')
    if (!sameTree(after, treeOf(this.#second.manifest))) return 'mixed'
    return (await this.leftovers(place)).length === 0 ? state : 'mixed'
  }

  async #tree(place: TunerPlace, what?: 'all'): Promise<ReadonlyMap<string, string>> {
    const { fs, root } = place
    if (!this.#isFolder) {
      // A link that leads nowhere is a tree of nothing, which is no release.
      const current = await fs.realpath(path.join(root, 'state/current')).catch(() => undefined)
      return current === undefined ? new Map() : readTreeOf(fs, current)
    }
    const tree = new Map(await readTreeOf(fs, path.join(root, 'folder')))
    if (what === 'all') return tree
    // What waits for the next update, and what the user made, is no part of a release.
    for (const name of [...tree.keys()]) {
      if (name.startsWith('.longwave-updating') || name === 'local-extra.txt') tree.delete(name)
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

  /** Names that only work under way may have. */
  async leftovers({ fs, root }: TunerPlace): Promise<readonly string[]> {
    const state = [...(await readTreeOf(fs, path.join(root, 'state'))).keys()]
    const folder = [...(await readTreeOf(fs, path.join(root, 'folder'))).keys()]
    const isLeft = (name: string): boolean =>
      /\.lw-|building-|removed-|\.longwave-updating|^staging\/.|^journal/.test(name)
    // The parts of staging that are always there may stay, empty.
    const isRoom = /^staging\/(objects|partial|output)$/
    return [...state, ...folder].filter((name) => isLeft(name) && !isRoom.test(name))
  }
}
