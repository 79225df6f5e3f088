import t from 'tap'
import { digestOf } from '../../protocol/index.ts'
import {
  type FileSystem,
  ensureDirectory,
  readFileIfPresent,
  removeTree,
  replaceSymlink,
  syncTree,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import { createFileObjectStore } from '../../store/objects/index.ts'
import { MemoryFileSystem, sweepPowerCuts } from '../faults/index.ts'

async function textOf(fs: FileSystem, file: string): Promise<string | undefined> {
  return (await readFileIfPresent(fs, file))?.toString()
}

t.test('R6: a durable write survives a power cut whole, or the old bytes do', async (t) => {
  const result = await sweepPowerCuts({
    prepare: (fs) => writeFileDurably(fs, '/f', 'old'),
    act: (fs) => writeFileDurably(fs, '/f', 'new'),
    check: async (fs) => {
      const text = await textOf(fs, '/f')
      return text === 'old' || text === 'new' ? text : 'mixed'
    },
  })
  t.comment(`${result.points} points, ${result.mixed} mixed`)
  t.same(result.mixedPoints, [])
})

t.test('the power-cut model sees a write without fsync', async (t) => {
  const result = await sweepPowerCuts({
    prepare: (fs) => writeFileDurably(fs, '/f', 'old'),
    act: async (fs) => {
      const handle = await fs.open('/temporary', 'wx')
      await handle.write(Buffer.from('new'))
      await handle.close()
      await fs.rename('/temporary', '/f')
    },
    check: async (fs) => {
      const text = await textOf(fs, '/f')
      return text === 'old' || text === 'new' ? text : 'mixed'
    },
  })
  t.ok(result.mixed > 0)
})

t.test('R6: a tree that was synced before its link is switched is whole', async (t) => {
  const result = await sweepPowerCuts({
    prepare: async (fs) => {
      await ensureDirectory(fs, '/generations/1')
      await writeFileDurably(fs, '/generations/1/f', 'old')
      await replaceSymlink(fs, '/current', 'generations/1')
    },
    act: async (fs) => {
      await fs.mkdir('/staging')
      for (const folder of ['/staging/a', '/staging/a/b']) await fs.mkdir(folder)
      for (const file of ['/staging/f', '/staging/a/f', '/staging/a/b/f']) {
        await using handle = await fs.open(file, 'wx')
        await handle.write(Buffer.from('new'))
      }
      await fs.link('/generations/1/f', '/staging/a/kept')
      await syncTree(fs, '/staging', { needsSync: (file) => !file.endsWith('kept') })
      await fs.rename('/staging', '/generations/2')
      await fs.syncDirectory('/generations')
      await fs.syncDirectory('/')
      await replaceSymlink(fs, '/current', 'generations/2')
      await removeTree(fs, '/generations/1')
    },
    check: async (fs) => {
      const texts = await Promise.all(
        ['/current/f', '/current/a/f', '/current/a/b/f', '/current/a/kept'].map((file) =>
          textOf(fs, file),
        ),
      )
      const text = texts.join()
      return text === 'old,,,' ? 'old' : text === 'new,new,new,old' ? 'new' : 'mixed'
    },
  })
  t.comment(`${result.points} points, ${result.mixed} mixed`)
  t.same(result.mixedPoints, [])
  t.ok(result.new > 0)
})

t.test(
  'R6 R10: objects that were said to be stored survive a power cut, none is partial',
  async (t) => {
    const objects = ['a', 'b', 'c'.repeat(5000)].map((text) => {
      const bytes = Buffer.from(text)
      return { digest: digestOf(bytes), size: bytes.byteLength, source: [bytes] }
    })
    const [first, ...others] = objects
    const works: Readonly<Record<string, (fs: FileSystem) => Promise<unknown>>> = {
      'one by one': async (fileSystem) => {
        const store = createFileObjectStore({ directory: '/store', fileSystem })
        for (const object of others) await store.receive(object)
      },
      'in a group': (fileSystem) =>
        createFileObjectStore({ directory: '/store', fileSystem }).receiveMany(others),
      'in parts': async (fileSystem) => {
        const store = createFileObjectStore({ directory: '/store', fileSystem })
        for (const { digest, size, source } of others) {
          await using partial = await store.openPartial(digest)
          await partial.append(0, source)
          await partial.finish({ digest, size })
        }
      },
    }
    for (const [name, work] of Object.entries(works)) {
      const result = await sweepPowerCuts({
        prepare: async (fileSystem) => {
          if (first === undefined) return
          await createFileObjectStore({ directory: '/store', fileSystem }).receive(first)
        },
        act: work,
        recover: (fileSystem) =>
          createFileObjectStore({ directory: '/store', fileSystem }).tidy({
            partialsUntouchedSinceMs: 1e15,
          }),
        check: async (fileSystem) => {
          const store = createFileObjectStore({ directory: '/store', fileSystem })
          let count = 0
          for await (const { state } of store.scrub()) {
            if (state !== 'sound') return 'mixed'
            count++
          }
          if (first === undefined || !(await store.has(first.digest))) return 'mixed'
          return count === objects.length ? 'new' : 'old'
        },
      })
      t.comment(`${name}: ${result.points} points, ${result.mixed} mixed`)
      t.same(result.mixedPoints, [], name)
    }
  },
)

t.test('the file system in memory answers as a real one does', async (t) => {
  const fs = new MemoryFileSystem()
  await fs.mkdir('/a')
  await fs.symlink('a', '/link')
  await fs.symlink('/link/f', '/far')
  {
    await using handle = await fs.open('/link/f', 'wx', 0o600)
    await handle.write(Buffer.from('abc'))
    await handle.write(Buffer.from('de'))
    await handle.write(Buffer.from('X'), 1)
    await handle.truncate(4)
  }
  {
    await using handle = await fs.open('/a/f', 'a')
    await handle.write(Buffer.from('z'))
  }
  t.equal((await fs.readFile('/far')).toString(), 'aXcdz')
  t.equal(await fs.realpath('/far'), '/a/f')
  t.match(await fs.lstat('/far'), { type: 'symlink' })
  t.match(await fs.stat('/far'), { type: 'file', size: 5, mode: 0o600 })
  const refused: readonly (readonly [string, Promise<unknown>])[] = [
    ['ENOENT', fs.readFile('/b')],
    ['ENOTDIR', fs.readFile('/a/f/g')],
    ['EISDIR', fs.readFile('/a')],
    ['EEXIST', fs.open('/a/f', 'wx')],
    ['EEXIST', fs.mkdir('/a')],
    ['ENOTEMPTY', fs.rmdir('/a')],
    ['EISDIR', fs.unlink('/a')],
    ['EISDIR', fs.rename('/a/f', '/a')],
    ['ENOTDIR', fs.rename('/a', '/far')],
    ['EINVAL', fs.readlink('/a')],
    ['ENOTSUP', fs.copyFile('/a/f', '/c', { clone: 'force' })],
  ]
  for (const [code, work] of refused) await t.rejects(work, { code })
  await fs.rename('/a/f', '/g')
  await fs.link('/g', '/h')
  t.equal((await fs.stat('/h')).inode, (await fs.stat('/g')).inode)
})
