import { cp, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type FileSystem, nodeFileSystem } from '../../store/durable-files/index.ts'
import type { FaultMode } from './fault-file-system.ts'
import { MemoryFileSystem } from './memory-file-system.ts'
import { type SweepResult, sweepFaults } from './sweep-faults.ts'
import { sweepPowerCuts } from './sweep-power-cuts.ts'
import { type TunerAct, TunerBench, type TunerFaults, type TunerPlace } from './tuner-bench.ts'
import type { Workload } from './update-workloads.ts'

export { type TunerAct, tunerActs } from './tuner-bench.ts'

export interface TunerSweepOptions {
  readonly workload: Workload
  readonly act: TunerAct
  /** The real file system instead of one in memory. */
  readonly isReal?: boolean
  readonly modes?: readonly FaultMode[]
  readonly stride?: number
}

export type TunerSweepResult = SweepResult & TunerFaults

const memoryRoot = '/lw'

/**
 * Breaks an act of the tuner at every mutating file operation. After recovery there must be the old
 * state or the new one, the next act and update must succeed, and nothing may be left behind.
 */
export async function sweepTuner(options: TunerSweepOptions): Promise<TunerSweepResult> {
  const bench = await TunerBench.open(options)
  const template = await (options.isReal === true ? realTemplate() : memoryTemplate())
  try {
    await bench.prepare(template.place)
    const after = await outcomeOf(bench, template)
    const places: { current: TunerPlace } = { current: template.place }
    const result = await sweepFaults<TunerPlace>({
      ...(options.modes === undefined ? {} : { modes: options.modes }),
      ...(options.stride === undefined ? {} : { stride: options.stride }),
      fileSystem: delegating(() => places.current.fs),
      prepare: async () => {
        places.current = await template.copy()
        return places.current
      },
      act: (fs, place) => bench.act({ fs, root: place.root }),
      recover: (place) => bench.recover(place),
      check: (place) => bench.check(place, after),
      cleanUp: (place) => template.remove(place),
    })
    return { ...result, ...bench.faults }
  } finally {
    await template.remove(template.place)
  }
}

/** The same with the power cut at every operation, on a disk that keeps only what was synced. */
export async function sweepTunerPowerCuts(
  options: Pick<TunerSweepOptions, 'workload' | 'act' | 'stride'>,
): Promise<TunerSweepResult> {
  const bench = await TunerBench.open(options)
  const template = await memoryTemplate()
  await bench.prepare(template.place)
  await syncAll(template.place.fs, '/')
  const after = await outcomeOf(bench, template)
  const root = memoryRoot
  const result = await sweepPowerCuts({
    ...(options.stride === undefined ? {} : { stride: options.stride }),
    disk: async () => (await template.copy()).fs as MemoryFileSystem,
    act: (fs) => bench.act({ fs, root }),
    recover: (fs) => bench.recover({ fs, root }),
    check: (fs) => bench.check({ fs, root }, after),
  })
  return { ...result, ...bench.faults }
}

/** A prepared place, of which each point gets a copy. */
interface Template {
  readonly place: TunerPlace
  copy(): Promise<TunerPlace>
  remove(place: TunerPlace): Promise<void>
}

async function memoryTemplate(): Promise<Template> {
  const fs = new MemoryFileSystem()
  await fs.mkdir(memoryRoot)
  return {
    place: { fs, root: memoryRoot },
    copy: async () => ({ fs: fs.clone(), root: memoryRoot }),
    remove: async () => undefined,
  }
}

async function realTemplate(): Promise<Template> {
  const fs = nodeFileSystem
  const parent = await mkdtemp(path.join(os.tmpdir(), 'lw-sweep-'))
  const root = path.join(parent, 'place')
  const folderOf = (place: TunerPlace) => path.dirname(place.root)
  return {
    place: { fs, root },
    async copy() {
      // A subscription knows the folder by its whole path: the copy takes the template's place.
      const aside = await mkdtemp(path.join(os.tmpdir(), 'lw-aside-'))
      await cp(root, path.join(aside, 'place'), {
        recursive: true,
        verbatimSymlinks: true,
        preserveTimestamps: true,
      })
      kept = aside
      return { fs, root }
    },
    async remove(place) {
      if (kept === undefined) {
        await rm(folderOf(place), { recursive: true, force: true })
        return
      }
      await rm(root, { recursive: true, force: true })
      await cp(path.join(kept, 'place'), root, {
        recursive: true,
        verbatimSymlinks: true,
        preserveTimestamps: true,
      })
      await rm(kept, { recursive: true, force: true })
      kept = undefined
    },
  }
}

/** Where the template waits while a point works in its place. */
let kept: string | undefined

/** What the act makes of a place when nothing disturbs it. */
async function outcomeOf(
  bench: TunerBench,
  template: Template,
): Promise<ReadonlyMap<string, string>> {
  const place = await template.copy()
  try {
    await bench.act(place)
    return await bench.tree(place)
  } finally {
    await template.remove(place)
  }
}

export async function syncAll(fs: FileSystem, folder: string): Promise<void> {
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
