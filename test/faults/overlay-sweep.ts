import { cp, readdir, readFile, realpath, rm } from 'node:fs/promises'
import path from 'node:path'
import { type FileSystem, nodeFileSystem } from '../../store/durable-files/index.ts'
import { Tuner } from '../../tuner/index.ts'
import { type BackChannelFixture, channelName, updateOnce } from '../support/backchannel.ts'
import { greetingPlugin } from '../support/backchannel-plugins.ts'
import type { FaultMode } from './fault-file-system.ts'
import { type SweepResult, sweepFaults } from './sweep-faults.ts'

interface Point {
  readonly home: string
}

export interface OverlaySweepResult extends SweepResult {
  /** Points after which the next update did not bring the new release with its overlay. */
  readonly stuck: readonly string[]
}

/**
 * Breaks the step from a release with its overlay to the next one with its own at every mutating
 * file operation. What shows afterwards must be one of the two, whole: never a release under the
 * other one's overlay, never a release without any.
 */
export async function sweepOverlay(
  fixture: BackChannelFixture,
  options: { readonly modes?: readonly FaultMode[]; readonly stride?: number },
): Promise<OverlaySweepResult> {
  await fixture.allow()
  await fixture.publish(
    { 'a.txt': 'release 1', 'same.txt': 'same' },
    { plugin: greetingPlugin, attributes: { pluginPaths: ['greeting.txt', 'extra/'] } },
  )
  const template = await fixture.subscriber('template')
  await updateOnce(template)
  await template.stop()
  const before = await shown(path.join(fixture.root, 'template'))
  await fixture.publish({ 'a.txt': 'release 2' })
  if (before !== 'release 1 under 1') throw new Error(`nothing to begin with: ${before}`)
  let count = 0
  const stuck: string[] = []
  const result = await sweepFaults<Point>({
    ...options,
    async prepare() {
      const home = path.join(fixture.root, `point-${++count}`)
      const from = path.join(fixture.root, 'template')
      await cp(from, home, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
      return { home }
    },
    act: (fs, { home }) => withTuner(fixture, home, fs, updateOnce),
    recover: ({ home }) => withTuner(fixture, home, nodeFileSystem, async () => undefined),
    async check({ home }, point) {
      const state = await shown(home)
      await withTuner(fixture, home, nodeFileSystem, updateOnce).catch(() => undefined)
      const after = await shown(home)
      if (after !== 'release 2 under 2') stuck.push(`${point.mode} at ${point.at}: ${after}`)
      if (state === before) return 'old'
      return state === 'release 2 under 2' ? 'new' : 'mixed'
    },
    cleanUp: ({ home }) => rm(home, { recursive: true, force: true }),
  })
  return { ...result, stuck }
}

async function withTuner<T>(
  { transport }: BackChannelFixture,
  home: string,
  fileSystem: FileSystem,
  work: (tuner: Tuner) => Promise<T>,
): Promise<T> {
  // Who held it has been killed; here that was this very process, which lives on.
  const folder = path.join(home, 'tuner')
  for (const name of await readdir(folder)) {
    if (name.startsWith('lock.')) await rm(path.join(folder, name), { force: true })
  }
  const tuner = new Tuner({ home, transport, fileSystem })
  await tuner.start()
  try {
    return await work(tuner)
  } finally {
    await tuner.stop().catch(() => undefined)
  }
}

/** What `current` shows: its release, and the release that its overlay is for. */
async function shown(home: string): Promise<string> {
  const tree = await realpath(path.join(home, 'tuner', 'channels', channelName, 'current'))
  const read = (file: string) => readFile(path.join(tree, file), 'utf8').catch(() => 'none')
  const greeting = await read('greeting.txt')
  const under = /of release (\d+)$/.exec(greeting)?.[1] ?? 'none'
  return `${await read('a.txt')} under ${(await read('extra/n.txt')) === 'none' ? 'half' : under}`
}
