// Updates on file systems of every size, in a mount namespace of its own:
//   unshare -m node full-disk-worker.js DIRECTORY
// Prints one JSON line for each size; tuner-full-disk.test.ts reads them.
import { execFileSync } from 'node:child_process'
import { statfsSync } from 'node:fs'
import path from 'node:path'
import { isLongwaveError, type LongwaveError } from '../../protocol/index.ts'
import { type FileSystem, nodeFileSystem } from '../../store/durable-files/index.ts'
import { systemClock } from '../../transport/index.ts'
import { GenerationStore } from '../../tuner/generations/index.ts'
import type { Subscription } from '../../tuner/subscriptions/index.ts'
import {
  recoverFolder,
  type UpdateContext,
  updateFolder,
  updateGenerations,
} from '../../tuner/updates/index.ts'
import { channelId, channelUrl, makeRelease, type Tree } from '../support/memory-channel.ts'
import { memoryTransport } from '../support/memory-transport.ts'
import { readTreeOf, sameTree, treeOf } from '../support/tree-state.ts'

const [directory = ''] = process.argv.slice(2)
const pages = new Map<string, Uint8Array>()
const bulk = (seed: string): Tree =>
  Object.fromEntries(
    Array.from({ length: 20 }, (_, at) => [`file-${at}.bin`, Buffer.alloc(20_000, `${seed}${at}`)]),
  )
const releases = [makeRelease(1, bulk('a'), pages), makeRelease(2, bulk('b'), pages)] as const

/** Says that there is room, so that the disk itself has to say no. */
const boundless: FileSystem = {
  ...nodeFileSystem,
  statfs: async () => ({ freeBytes: 2 ** 40, totalBytes: 2 ** 41, freeNames: 0, totalNames: 0 }),
}

const subscription: Subscription = {
  id: 'demo',
  name: 'demo',
  url: channelUrl,
  channel: channelId,
  firstUse: 'pinned',
  addedAt: '2026-01-01T00:00:00Z',
}

function usedBytes(): number {
  const space = statfsSync(directory)
  return (space.blocks - space.bfree) * space.bsize
}

async function run(fs: FileSystem, isFolder: boolean, release: (typeof releases)[number]) {
  const transport = memoryTransport(pages)
  const context: UpdateContext = { fs, transport, clock: systemClock, sources: [channelUrl] }
  const { head } = release
  if (isFolder) {
    const into = { directory: path.join(directory, 'folder'), protect: [] }
    const stateDirectory = path.join(directory, 'state')
    await updateFolder(context, { subscription: { ...subscription, into }, stateDirectory, head })
  } else {
    const store = new GenerationStore({ fs, directory: path.join(directory, 'state') })
    await store.recover()
    await updateGenerations(context, { subscription, store, head, kept: 3 })
  }
}

async function recover(): Promise<void> {
  const transport = memoryTransport(pages)
  const context = { fs: boundless, transport, clock: systemClock, sources: [channelUrl] }
  const into = { directory: path.join(directory, 'folder'), protect: [] }
  const stateDirectory = path.join(directory, 'state')
  await recoverFolder(context, { subscription: { ...subscription, into }, stateDirectory })
}

async function treeIs(isFolder: boolean, release: (typeof releases)[number]): Promise<boolean> {
  const tree = isFolder
    ? path.join(directory, 'folder')
    : await nodeFileSystem.realpath(path.join(directory, 'state/current'))
  return sameTree(await readTreeOf(nodeFileSystem, tree), treeOf(release.manifest))
}

async function point(options: string, isFolder: boolean): Promise<void> {
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory])
  try {
    await nodeFileSystem.mkdir(path.join(directory, 'folder'))
    await nodeFileSystem.mkdir(path.join(directory, 'state'))
    await run(boundless, isFolder, releases[0])
    const before = usedBytes()
    let error: unknown
    await run(boundless, isFolder, releases[1]).catch((thrown: unknown) => {
      error = thrown
    })
    const grown = usedBytes() - before
    // With room again the next command finishes what was begun.
    execFileSync('mount', ['-o', 'remount,size=32m,nr_inodes=10000', directory])
    if (isFolder) await recover()
    const isOld = await treeIs(isFolder, releases[0])
    const isNew = await treeIs(isFolder, releases[1])
    const ours = isLongwaveError(error) ? (error as LongwaveError) : undefined
    const line = {
      options,
      isFolder,
      code: ours?.code ?? (error === undefined ? 'none' : String(error)),
      needed: ours?.members['neededBytes'],
      state: isOld ? 'old' : isNew ? 'new' : 'mixed',
      grown,
    }
    process.stdout.write(`${JSON.stringify(line)}\n`)
  } finally {
    execFileSync('umount', [directory])
  }
}

// The first release takes 420 kB and some: from just that to enough for both.
for (const isFolder of [false, true]) {
  for (let step = 0; step <= 12; step++) await point(`size=${476 + step * 48}k`, isFolder)
  for (let names = 60; names <= 120; names += 12)
    await point(`size=8m,nr_inodes=${names}`, isFolder)
}
