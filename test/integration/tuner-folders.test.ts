import { execFileSync } from 'node:child_process'
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { canonicalJson, digestOf, type Json } from '../../protocol/index.ts'
import { type FileSystem, nodeFileSystem } from '../../store/durable-files/index.ts'
import { systemClock } from '../../transport/index.ts'
import type { Subscription } from '../../tuner/subscriptions/index.ts'
import {
  recoverFolder,
  undoFolder,
  updateFolder,
  type UpdateContext,
} from '../../tuner/updates/index.ts'
import { channelId, channelUrl, makeRelease, type Tree } from '../support/memory-channel.ts'
import { memoryTransport } from '../support/memory-transport.ts'
import { readTree, sameTree, treeOf } from '../support/tree-state.ts'

type Test = { teardown(work: () => unknown): void }

/** A synchronized folder on the real file system, with a channel in memory. */
async function openFolder(t: Test, protect: readonly string[] = []) {
  const root = await mkdtemp(path.join(os.tmpdir(), 'lw-folder-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const directory = path.join(root, 'folder')
  const outside = path.join(root, 'outside')
  const stateDirectory = path.join(root, 'state')
  for (const folder of [directory, outside, stateDirectory]) await mkdir(folder)
  await writeFile(path.join(outside, 'victim.txt'), 'untouched')
  const pages = new Map<string, Uint8Array>()
  const subscription: Subscription = {
    id: 'demo',
    name: 'demo',
    url: channelUrl,
    channel: channelId,
    firstUse: 'pinned',
    addedAt: '2026-01-01T00:00:00Z',
    into: { directory, protect },
  }
  const context = (fs: FileSystem = nodeFileSystem): UpdateContext => ({
    fs,
    transport: memoryTransport(pages),
    clock: systemClock,
    sources: [channelUrl],
  })
  let count = 0
  return {
    root,
    directory,
    outside,
    stateDirectory,
    file: (name: string) => path.join(directory, name),
    release: (tree: Tree) => makeRelease(++count, tree, pages),
    update: (release: ReturnType<typeof makeRelease>, fs?: FileSystem) =>
      updateFolder(context(fs), { subscription, stateDirectory, head: release.head }),
    undo: () => undoFolder(context(), { subscription, stateDirectory }),
    recover: () => recoverFolder(context(), { subscription, stateDirectory }),
  }
}

/** Every path with what makes an undo exact: kind, bytes, mode, times. */
async function exactState(directory: string): Promise<ReadonlyMap<string, string>> {
  const state = new Map<string, string>()
  const walk = async (folder: string, prefix: string): Promise<void> => {
    const own = await lstat(folder)
    state.set(`${prefix}/`, `${own.mode} ${own.mtimeMs}`)
    for (const name of await readdir(folder)) {
      const full = path.join(folder, name)
      const stats = await lstat(full)
      const entry = `${prefix}/${name}`
      if (stats.isDirectory()) await walk(full, entry)
      else if (stats.isSymbolicLink()) state.set(entry, 'link')
      else state.set(entry, `${stats.mode} ${stats.mtimeMs} ${digestOf(await readFile(full))}`)
    }
  }
  await walk(directory, '')
  return state
}

t.test(
  'S46: links, pipes and folders where files go are moved aside, never followed',
  async (t) => {
    const folder = await openFolder(t)
    await folder.update(folder.release({ 'keep.txt': 'kept' }))
    const { outside } = folder
    await symlink(path.join(outside, 'victim.txt'), folder.file('a.txt'))
    await symlink(outside, folder.file('lib'))
    await mkdir(folder.file('b.txt'))
    await writeFile(folder.file('b.txt/inner'), 'in the way')
    if (process.platform !== 'win32') execFileSync('mkfifo', [folder.file('pipe')])
    await symlink(outside, folder.file('.longwave-updating'))
    const release = folder.release({
      'a.txt': 'a',
      'lib/one.txt': 'one',
      'lib/victim.txt': 'evil',
      'b.txt': 'b',
      pipe: 'no pipe',
      'keep.txt': 'kept',
    })
    await folder.update(release)
    t.ok(sameTree(await readTree(folder.directory), treeOf(release.manifest)))
    t.strictSame(await readdir(outside), ['victim.txt'], 'nothing was made outside')
    t.equal(await readFile(path.join(outside, 'victim.txt'), 'utf8'), 'untouched')
  },
)

t.test('what cannot be kept for an undo is left alone, and is no difference', async (t) => {
  // Windows has no pipes in folders.
  if (process.platform === 'win32') return
  const folder = await openFolder(t)
  await mkdir(folder.file('run'))
  execFileSync('mkfifo', [folder.file('run/pipe')])
  const applied = await folder.update(folder.release({ 'a.txt': 'a' }))
  t.strictSame(applied.localChanges, [], 'nobody says that it was saved')
  t.strictSame(applied.special, ['run/pipe'])
  t.ok((await lstat(folder.file('run/pipe'))).isFIFO(), 'it is still there')
  const second = await folder.update(folder.release({ 'a.txt': 'b' }))
  t.strictSame(second.localChanges, [])
  t.ok((await lstat(folder.file('run/pipe'))).isFIFO())
  await t.rejects(folder.update(folder.release({ run: 'a file' })), { code: 'LW_TUNER_PROTECTED' })
})

t.test('S46: no release may have the name under which updates are prepared', async (t) => {
  const folder = await openFolder(t)
  const release = folder.release({ 'a.txt': 'a', '.Longwave-Updating/x': 'x' })
  await t.rejects(folder.update(release), { code: 'LW_TUNER_FOLDER_REFUSED' })
  t.strictSame(await readdir(folder.directory), ['.longwave-updating'], 'nothing was placed')
})

t.test(
  'S46: a parent that is swapped for a link again and again takes no write outside',
  async (t) => {
    const folder = await openFolder(t)
    const { outside, directory } = folder
    const parent = folder.file('lib')
    const trees = [0, 1].map((turn) =>
      Object.fromEntries(Array.from({ length: 6 }, (_, at) => [`lib/${at}.txt`, `${turn} ${at}`])),
    ) as [Tree, Tree]
    const releases = [folder.release(trees[0]), folder.release(trees[1])]
    await folder.update(releases[0] as never)
    let isOver = false
    let swaps = 0
    const swapping = (async () => {
      for (let turn = 0; !isOver; turn++) {
        try {
          await rename(parent, `${directory}/.aside-${turn}`)
          await symlink(outside, parent)
          await new Promise((resolve) => setImmediate(resolve))
          await unlink(parent)
          await rename(`${directory}/.aside-${turn}`, parent)
          swaps++
        } catch {
          // The tuner was faster: the next turn tries again.
        }
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    for (let apply = 0; apply < 40; apply++) {
      await folder.update(releases[apply % 2] as never).catch(() => undefined)
    }
    isOver = true
    await swapping
    t.ok(swaps > 0, `the parent was swapped ${swaps} times`)
    t.strictSame(await readdir(outside), ['victim.txt'], '0 writes outside')
    t.equal(await readFile(path.join(outside, 'victim.txt'), 'utf8'), 'untouched')
    await folder.recover().catch(() => undefined)
    await rm(parent, { recursive: true, force: true })
    const last = releases[1] as ReturnType<typeof makeRelease>
    await folder.update(last)
    t.ok(sameTree(await readTree(directory), treeOf(last.manifest)), 'and then it is exact again')
  },
)

t.test('S46: a planted journal is not believed', async (t) => {
  const folder = await openFolder(t)
  const release = folder.release({ 'a.txt': 'a' })
  await folder.update(release)
  const work = folder.file('.longwave-updating')
  await mkdir(path.join(work, 'new'), { recursive: true })
  await chmod(work, 0o777)
  await writeFile(path.join(work, 'new', '0'), 'evil')
  const body = canonicalJson({
    format: 'longwave-folder-journal-1',
    subscription: 'demo',
    directory: folder.directory,
    kind: 'update',
    from: null,
    to: null,
    undo: null,
    undoes: null,
    folders: [],
    steps: [{ do: 'place', path: '../outside/evil', item: { kind: 'symlink', target: 'x' } }],
  } as unknown as Json)
  await writeFile(path.join(work, 'journal'), `${digestOf(body)}\n${body}`)
  t.equal(await folder.recover(), false, 'nothing was taken up')
  t.strictSame(await readdir(folder.outside), ['victim.txt'])
  await writeFile(path.join(folder.stateDirectory, 'journal'), `${digestOf(body)}\n${body}`)
  await t.rejects(folder.recover(), { code: 'LW_TUNER_STATE_DAMAGED' })
  t.strictSame(await readdir(folder.outside), ['victim.txt'])
})

t.test('C108 C109: undo is exact, with times, modes, edits and what was added', async (t) => {
  const folder = await openFolder(t)
  const first = folder.release({
    'a.txt': 'one',
    'bin/tool': { exec: '#!/bin/sh' },
    'sub/deep/b.txt': 'b',
    link: { link: 'a.txt' },
    empty: null,
    swap: 'a file',
  })
  await folder.update(first)
  await writeFile(folder.file('a.txt'), 'edited by the user')
  await chmod(folder.file('a.txt'), 0o640)
  await writeFile(folder.file('sub/added.txt'), 'added by the user')
  await unlink(folder.file('sub/deep/b.txt'))
  const past = new Date('2020-02-02T02:02:02Z')
  await utimes(folder.file('sub/added.txt'), past, past)
  for (const name of ['sub/deep', 'sub', 'bin', 'empty', '']) {
    await utimes(folder.file(name), past, past)
  }
  const before = await exactState(folder.directory)
  const second = folder.release({
    'a.txt': 'two',
    'bin/tool': 'no longer executable',
    'sub/deep/b.txt': 'b',
    'new/c.txt': 'c',
    link: 'now a file',
    'swap/inner.txt': 'a folder now',
  })
  const applied = await folder.update(second)
  t.strictSame(
    applied.localChanges.map((one) => `${one.what} ${one.path}`),
    ['edited a.txt', 'added sub/added.txt', 'deleted sub/deep/b.txt'],
    'R48: local changes are listed',
  )
  t.ok(sameTree(await readTree(folder.directory), treeOf(second.manifest)), 'an exact mirror')
  await writeFile(folder.file('new/c.txt'), 'an accident')
  await writeFile(folder.file('junk.txt'), 'junk')
  await folder.undo()
  t.strictSame([...(await exactState(folder.directory))].sort(), [...before].sort())
  await folder.undo()
  t.strictSame(await readdir(folder.directory), [], 'and back to before the first release')
  await t.rejects(folder.undo(), { code: 'LW_TUNER_NOTHING_TO_UNDO' })
})

t.test('R48: an edit at the last moment is saved, and undo brings it back', async (t) => {
  const folder = await openFolder(t)
  await folder.update(folder.release({ 'a.txt': 'one', 'b.txt': 'one' }))
  const second = folder.release({ 'a.txt': 'two', 'b.txt': 'two' })
  let isEdited = false
  // Just before the new file goes over the old one, the user saves.
  const late: FileSystem = {
    ...nodeFileSystem,
    link: async (existing, to) => {
      if (!isEdited && existing.endsWith('a.txt')) {
        isEdited = true
        await writeFile(folder.file('a.txt'), 'saved at the last moment')
      }
      return nodeFileSystem.link(existing, to)
    },
  }
  await folder.update(second, late)
  t.ok(isEdited)
  t.equal(await readFile(folder.file('a.txt'), 'utf8'), 'two')
  await folder.undo()
  t.equal(await readFile(folder.file('a.txt'), 'utf8'), 'saved at the last moment')
})

t.test(
  'C114: protected files stay, and one in the way stops the update before it begins',
  async (t) => {
    const folder = await openFolder(t, ['local/**', 'settings.ini'])
    await mkdir(folder.file('local'))
    await writeFile(folder.file('local/mine.txt'), 'mine')
    await writeFile(folder.file('settings.ini'), 'mine')
    await folder.update(folder.release({ 'a.txt': 'a', 'settings.ini': 'theirs' }))
    t.equal(await readFile(folder.file('settings.ini'), 'utf8'), 'mine')
    t.equal(await readFile(folder.file('local/mine.txt'), 'utf8'), 'mine')
    const before = await exactState(folder.directory)
    const conflict = folder.release({ 'a.txt': 'b', local: 'a file where the protected folder is' })
    await t.rejects(folder.update(conflict), { code: 'LW_TUNER_PROTECTED' })
    await folder.recover()
    await rm(folder.file('.longwave-updating'), { recursive: true, force: true })
    t.equal(await readFile(folder.file('a.txt'), 'utf8'), 'a')
    t.equal(before.get('/settings.ini'), (await exactState(folder.directory)).get('/settings.ini'))
  },
)

t.test('C107: the generation before costs no second copy on the same disk', async (t) => {
  const folder = await openFolder(t)
  await folder.update(folder.release({ 'big.bin': 'x'.repeat(100_000), 'a.txt': 'one' }))
  const { ino } = await stat(folder.file('big.bin'))
  await folder.update(folder.release({ 'big.bin': 'x'.repeat(100_000), 'a.txt': 'two' }))
  t.equal((await stat(folder.file('big.bin'))).ino, ino, 'unchanged files are not touched')
  const areas = await readdir(path.join(folder.stateDirectory, 'undo'))
  const saved = await readdir(path.join(folder.stateDirectory, 'undo', areas.at(-1) ?? ''))
  t.strictSame(saved.filter((name) => name !== 'journal').length, 1, 'only what changed is kept')
})

t.test('a folder that is gone is told, and nothing is made in its place', async (t) => {
  const folder = await openFolder(t)
  const release = folder.release({ 'a.txt': 'a' })
  await folder.update(release)
  await rename(folder.directory, `${folder.directory}.unmounted`)
  await t.rejects(folder.update(folder.release({ 'a.txt': 'b' })), { code: 'LW_TUNER_FOLDER_GONE' })
  t.equal(await folder.recover(), false)
  await symlink(folder.outside, folder.directory)
  await t.rejects(folder.update(folder.release({ 'a.txt': 'c' })))
  t.strictSame(await readdir(folder.outside), ['victim.txt'])
})
