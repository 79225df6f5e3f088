import { chmod, mkdtemp, open, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { type Digest, digestOf } from '../../protocol/index.ts'
import { createFileObjectStore } from '../../store/objects/index.ts'
import {
  type ObjectStoreUnderTest,
  incoming,
  objectStoreContract,
  readAll,
} from './object-store.ts'

const base = await mkdtemp(path.join(os.tmpdir(), 'lw-objects-'))
t.teardown(() => rm(base, { recursive: true, force: true }))
let count = 0

async function openStore(): Promise<ObjectStoreUnderTest & { readonly directory: string }> {
  const directory = path.join(base, `${++count}`)
  const fileOf = (digest: Digest): string =>
    path.join(directory, 'objects', digest.slice(0, 2), digest)
  return {
    directory,
    store: createFileObjectStore({ directory }),
    async flipBit(digest) {
      await chmod(fileOf(digest), 0o600)
      await using handle = await open(fileOf(digest), 'r+')
      const byte = Buffer.alloc(1)
      await handle.read(byte, 0, 1, 100)
      await handle.write(Buffer.from([(byte[0] ?? 0) ^ 4]), 0, 1, 100)
    },
    async cutShort(digest) {
      await chmod(fileOf(digest), 0o600)
      await truncate(fileOf(digest), 7)
    },
    async leftovers() {
      const names = await Promise.all(
        ['incoming', 'partial'].map((name) =>
          readdir(path.join(directory, name)).catch((): string[] => []),
        ),
      )
      return names.flat()
    },
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true })
    },
  }
}

t.test('files', async (t) => {
  objectStoreContract(t, openStore)
})

t.test('S42: objects are read-only, in folders of this user, whatever the umask is', async (t) => {
  await using under = await openStore()
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  const bytes = Buffer.from('abc')
  await under.store.receive(incoming(bytes))
  const digest = digestOf(bytes)
  const folder = path.join(under.directory, 'objects', digest.slice(0, 2))
  const modeOf = async (file: string): Promise<number> => (await stat(file)).mode & 0o7777
  t.equal(await modeOf(path.join(folder, digest)), 0o444)
  t.equal(await modeOf(folder), 0o700)
  t.equal(await modeOf(path.join(under.directory, 'incoming')), 0o700)
})

t.test('an object can be received from a file, which stays', async (t) => {
  await using under = await openStore()
  await using reader = await under.store.open(digestOf(''))
  t.equal(reader, undefined)
  const file = path.join(base, 'source')
  const bytes = Buffer.alloc(1_000_001, 'abc')
  await writeFile(file, bytes)
  const object = { digest: digestOf(bytes), size: bytes.byteLength, source: { fromPath: file } }
  t.equal(await under.store.receive(object), 'stored')
  t.same(await readAll(await under.store.open(object.digest)), bytes)
  t.equal((await stat(file)).size, bytes.byteLength)
  await using open = await under.store.open(object.digest)
  t.equal(open?.path?.endsWith(object.digest), true)
  t.type(open?.fd, 'number')
})

t.test('names that are not objects are left alone and not listed', async (t) => {
  await using under = await openStore()
  const bytes = Buffer.from('abc')
  await under.store.receive(incoming(bytes))
  const folder = path.join(under.directory, 'objects', digestOf(bytes).slice(0, 2))
  await writeFile(path.join(folder, 'README'), '')
  await writeFile(path.join(under.directory, 'objects', 'README'), '')
  await writeFile(path.join(under.directory, 'incoming', 'README'), '')
  const listed: string[] = []
  for await (const object of under.store.list()) listed.push(object.digest)
  t.same(listed, [digestOf(bytes)])
  await writeFile(path.join(under.directory, 'incoming', `.lw-${'0'.repeat(32)}.tmp`), 'left')
  t.match(await under.store.tidy({ partialsUntouchedSinceMs: 0 }), { temporaryFiles: 1 })
  t.same(await under.leftovers(), ['README'])
})
