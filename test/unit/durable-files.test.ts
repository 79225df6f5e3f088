import { execFileSync } from 'node:child_process'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import {
  type FileSystem,
  createCloneMemory,
  ensureDirectory,
  fileFailure,
  inParallel,
  isTemporaryName,
  linkOrClone,
  nodeFileSystem,
  nodeRandomness,
  readFileIfPresent,
  removeTree,
  replaceSymlink,
  syncTree,
  temporaryName,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import { FaultFileSystem } from '../faults/index.ts'

const base = await fs.mkdtemp(path.join(os.tmpdir(), 'lw-durable-'))
t.teardown(() => fs.rm(base, { recursive: true, force: true }))
let count = 0

async function folder(): Promise<string> {
  const directory = path.join(base, `${++count}`)
  await fs.mkdir(directory)
  return directory
}

t.test(
  'a durable write goes to a temporary file, fsync, rename, fsync of the folder',
  async (t) => {
    const directory = await folder()
    const watched = new FaultFileSystem(nodeFileSystem)
    await writeFileDurably(watched, path.join(directory, 'f'), 'abc')
    t.same(
      watched.operations.map((each) => each.name),
      ['open', 'write', 'fchmod', 'sync', 'rename', 'syncDirectory'],
    )
    t.ok(isTemporaryName(path.basename(watched.operations[0]?.path ?? '')))
    t.equal(await fs.readFile(path.join(directory, 'f'), 'utf8'), 'abc')
    t.same(await fs.readdir(directory), ['f'])
  },
)

t.test('S42: the mode is the one asked for, whatever the umask is', async (t) => {
  const directory = await folder()
  for (const umask of [0, 0o77]) {
    const before = process.umask(umask)
    t.teardown(() => process.umask(before))
    for (const mode of [0o600, 0o644, 0o755]) {
      await writeFileDurably(nodeFileSystem, path.join(directory, 'f'), 'abc', { mode })
      t.equal((await nodeFileSystem.stat(path.join(directory, 'f'))).mode, mode)
    }
    await ensureDirectory(nodeFileSystem, path.join(directory, 'd'), { mode: 0o700 })
    t.equal((await nodeFileSystem.stat(path.join(directory, 'd'))).mode, 0o700)
    process.umask(before)
  }
})

t.test('S52: temporary names are unguessable and recognised', async (t) => {
  const names = new Set(Array.from({ length: 1000 }, () => temporaryName()))
  t.equal(names.size, 1000)
  t.ok([...names].every(isTemporaryName))
  const ones = { bytes: (size: number) => new Uint8Array(size).fill(1) }
  t.equal(temporaryName(ones), `.lw-${'01'.repeat(16)}.tmp`)
  t.notOk(isTemporaryName('.lw-01.tmp'))
  t.equal(nodeRandomness.bytes(5).byteLength, 5)
})

t.test('a symbolic link is replaced in one step', async (t) => {
  const directory = await folder()
  const link = path.join(directory, 'current')
  await replaceSymlink(nodeFileSystem, link, 'generations/1')
  await replaceSymlink(nodeFileSystem, link, 'generations/2')
  t.equal(await fs.readlink(link), 'generations/2')
  t.same(await fs.readdir(directory), ['current'])
})

t.test('reads a file if there is one, and never more than allowed', async (t) => {
  const directory = await folder()
  const file = path.join(directory, 'f')
  t.equal(await readFileIfPresent(nodeFileSystem, file), undefined)
  t.equal(await readFileIfPresent(nodeFileSystem, path.join(file, 'below')), undefined)
  await fs.writeFile(file, 'abcde')
  t.equal(await readFileIfPresent(nodeFileSystem, path.join(file, 'below')), undefined)
  t.equal((await readFileIfPresent(nodeFileSystem, file))?.toString(), 'abcde')
  const reading = readFileIfPresent(nodeFileSystem, file, { bytesMax: 4 })
  await t.rejects(reading, { code: 'LW_STORE_LIMIT' })
  await t.rejects(readFileIfPresent(nodeFileSystem, directory), {
    code: 'LW_STORE_NOT_A_FILE',
  })
})

t.test('makes folders with those above them, and keeps what is there', async (t) => {
  const directory = await folder()
  const deep = path.join(directory, 'a', 'b', 'c')
  const watched = new FaultFileSystem(nodeFileSystem)
  await ensureDirectory(watched, deep, { mode: 0o700 })
  t.equal(watched.operations.filter((each) => each.name === 'syncDirectory').length, 3)
  await fs.writeFile(path.join(deep, 'f'), '')
  await ensureDirectory(nodeFileSystem, deep)
  await ensureDirectory(nodeFileSystem, deep, { mode: 0o750 })
  t.equal((await nodeFileSystem.stat(deep)).mode, 0o750)
  t.same(await fs.readdir(deep), ['f'])
  const blocked = ensureDirectory(nodeFileSystem, path.join(deep, 'f'))
  await t.rejects(blocked, { code: 'EEXIST' })
  await fs.symlink(deep, path.join(directory, 'link'))
  await ensureDirectory(nodeFileSystem, path.join(directory, 'link'))
  t.ok((await fs.lstat(path.join(directory, 'link'))).isSymbolicLink(), 'a link to one will do')
})

t.test('S46: removing a tree removes links and never follows them', async (t) => {
  const directory = await folder()
  const outside = path.join(directory, 'outside')
  const tree = path.join(directory, 'tree')
  await fs.mkdir(path.join(tree, 'a', 'b'), { recursive: true })
  await fs.mkdir(outside)
  await fs.writeFile(path.join(outside, 'precious'), '')
  await fs.writeFile(path.join(tree, 'a', 'f'), '', { mode: 0o444 })
  await fs.symlink(outside, path.join(tree, 'a', 'link'))
  await fs.symlink('nowhere', path.join(tree, 'dangling'))
  await fs.chmod(path.join(tree, 'a', 'b'), 0)
  await removeTree(nodeFileSystem, tree)
  t.same(await fs.readdir(directory), ['outside'])
  t.same(await fs.readdir(outside), ['precious'])
  await removeTree(nodeFileSystem, tree)
  await fs.symlink(outside, tree)
  await removeTree(nodeFileSystem, tree)
  t.same(await fs.readdir(outside), ['precious'])
  await removeTree(nodeFileSystem, path.join(outside, 'precious'))
  t.same(await fs.readdir(outside), [])
})

t.test('a tree is synced bottom-up: files, then their folder', async (t) => {
  const directory = await folder()
  await fs.mkdir(path.join(directory, 'a', 'b'), { recursive: true })
  for (const name of ['f', 'a/f', 'a/b/f', 'a/linked'])
    await fs.writeFile(path.join(directory, name), '')
  await fs.symlink('f', path.join(directory, 'link'))
  const watched = new FaultFileSystem(nodeFileSystem)
  await syncTree(watched, directory, { needsSync: (file) => !file.endsWith('linked') })
  t.same(
    watched.operations.map((each) => `${each.name} ${path.relative(directory, each.path)}`),
    ['sync a/b/f', 'syncDirectory a/b', 'sync a/f', 'syncDirectory a', 'sync f', 'syncDirectory '],
  )
})

t.test('a second name costs no second copy where the file system can', async (t) => {
  const directory = await folder()
  const from = path.join(directory, 'from')
  await fs.writeFile(from, 'abc', { mode: 0o444 })
  const memory = createCloneMemory()
  const first = await linkOrClone(nodeFileSystem, from, path.join(directory, 'a'), memory)
  const second = await linkOrClone(nodeFileSystem, from, path.join(directory, 'b'), memory)
  t.ok(first === 'clone' || first === 'link', first)
  t.equal(second, first)
  t.equal(await fs.readFile(path.join(directory, 'b'), 'utf8'), 'abc')
  const taken = linkOrClone(nodeFileSystem, from, path.join(directory, 'b'), memory)
  await t.rejects(taken, { code: 'EEXIST' })
  const gone = linkOrClone(nodeFileSystem, `${from}2`, path.join(directory, 'c'), memory)
  await t.rejects(gone, { code: 'ENOENT' })
})

t.test(
  'where neither shared blocks nor links are possible it copies, and asks only once',
  async (t) => {
    const directory = await folder()
    const from = path.join(directory, 'from')
    await fs.writeFile(from, 'abc')
    let refusals = 0
    const refusing: FileSystem = {
      ...nodeFileSystem,
      async copyFile(source, to, options) {
        if (options.clone === 'try') return nodeFileSystem.copyFile(source, to, options)
        refusals++
        throw Object.assign(new Error('no'), { code: 'ENOTSUP' })
      },
      async link() {
        refusals++
        throw Object.assign(new Error('no'), { code: 'EPERM' })
      },
    }
    const memory = createCloneMemory()
    t.equal(await linkOrClone(refusing, from, path.join(directory, 'a'), memory), 'copy')
    t.equal(await linkOrClone(refusing, from, path.join(directory, 'b'), memory), 'copy')
    t.equal(refusals, 2)
    t.equal(await fs.readFile(path.join(directory, 'b'), 'utf8'), 'abc')
  },
)

t.test('work in parallel has a limit and ends before its failure is told', async (t) => {
  let running = 0
  let most = 0
  let ended = 0
  const work = async (item: number): Promise<void> => {
    most = Math.max(most, ++running)
    await fs.stat(base)
    running--
    ended++
    if (item === 7) throw new Error('seven')
  }
  await inParallel([1, 2, 3, 4, 5], 2, work)
  t.equal(most, 2)
  t.equal(ended, 5)
  const failing = inParallel(
    Array.from({ length: 100 }, (_, at) => at),
    3,
    work,
  )
  await t.rejects(failing, { message: 'seven' })
  t.equal(running, 0)
  t.ok(ended < 30, 'nothing new starts after a failure')
})

t.test('R20: errors of the system become errors for the reader, with their cause', async (t) => {
  const made = (code: string) => Object.assign(new Error(code), { code, errno: -1 })
  const codes = {
    ENOSPC: 'LW_STORE_DISK_FULL',
    EDQUOT: 'LW_STORE_DISK_FULL',
    EROFS: 'LW_STORE_NO_PERMISSION',
    EACCES: 'LW_STORE_NO_PERMISSION',
    EMFILE: 'LW_STORE_TOO_MANY_FILES',
    EIO: 'LW_STORE_IO',
    EXDEV: 'LW_STORE_IO',
  }
  for (const [code, expected] of Object.entries(codes)) {
    const cause = made(code)
    t.match(fileFailure(cause, 'testing'), { code: expected, cause })
  }
  const mistake = new TypeError('mistake')
  t.equal(fileFailure(mistake, 'testing'), mistake)
})

t.test('names that are not UTF-8 are given as bytes', async (t) => {
  const directory = await folder()
  const raw = Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0x66, 0xff])])
  try {
    await fs.writeFile(raw, '')
  } catch {
    t.comment('this file system takes only UTF-8 names')
  }
  await fs.writeFile(path.join(directory, 'plain\ufffd'), '')
  const entries = await nodeFileSystem.readdir(directory)
  const own = entries.find((entry) => entry.name === 'plain\ufffd')
  t.equal(own?.nameBytes, undefined, 'a replacement character of its own is a plain name')
  const other = entries.find((entry) => entry !== own)
  if (other !== undefined) t.same(other.nameBytes, Buffer.from([0x66, 0xff]))
})

t.test('the real file system tells types, sizes and free space', async (t) => {
  const directory = await folder()
  await fs.writeFile(path.join(directory, 'f'), 'abc')
  await fs.symlink('f', path.join(directory, 'link'))
  await fs.mkdir(path.join(directory, 'd'))
  execFileSync('mkfifo', [path.join(directory, 'pipe')])
  const types = Object.fromEntries(
    (await nodeFileSystem.readdir(directory)).map((entry) => [entry.name, entry.type]),
  )
  t.same(types, { f: 'file', link: 'symlink', d: 'directory', pipe: 'other' })
  t.match(await nodeFileSystem.stat(path.join(directory, 'link')), { type: 'file', size: 3 })
  t.equal((await nodeFileSystem.lstat(path.join(directory, 'link'))).type, 'symlink')
  const space = await nodeFileSystem.statfs(directory)
  t.ok(space.freeBytes > 0 && space.freeBytes <= space.totalBytes)
  await nodeFileSystem.utimes(path.join(directory, 'f'), 5000, 7000)
  t.equal((await nodeFileSystem.stat(path.join(directory, 'f'))).mtimeMs, 7000)
  await using handle = await nodeFileSystem.open(path.join(directory, 'f'), 'r+')
  await handle.write(Buffer.from('defg'), 3)
  await handle.truncate(5)
  const into = Buffer.alloc(10)
  t.equal(await handle.read(0, into), 5)
  t.equal(into.toString('latin1', 0, 5), 'abcde')
  t.type(handle.fd, 'number')
})

t.test('closing a file waits for what is under way, and nothing begins afterwards', async (t) => {
  const file = path.join(await folder(), 'file')
  const handle = await nodeFileSystem.open(file, 'wx+', 0o600)
  await handle.write(Buffer.alloc(100_000, 'x'))
  const bytes = Buffer.alloc(100_000)
  const reading = handle.read(0, bytes)
  const closing = handle.close()
  t.equal(handle.fd, -1, 'its descriptor is nobody’s to use any more')
  await t.rejects(handle.read(0, bytes), { code: 'EBADF' })
  await closing
  t.equal(await reading, 100_000)
  await handle.close()
})
