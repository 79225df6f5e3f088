import { execFileSync } from 'node:child_process'
import fs from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { isLongwaveError } from '../../protocol/index.ts'
import { openDeviceRecords } from '../../store/device-records/index.ts'
import { nodeFileSystem, readFileIfPresent } from '../../store/durable-files/index.ts'
import { createFileObjectStore } from '../../store/objects/index.ts'
import { loadTrustState } from '../../trust/index.ts'

async function newFolder(): Promise<string> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'lw-strange-'))
  t.teardown(() => fs.rm(folder, { recursive: true, force: true }))
  return folder
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no error'
  } catch (error) {
    return isLongwaveError(error) ? error.code : `foreign ${String(error)}`
  }
}

/** Things that are no files, by how they are put at a path. */
const strange: Readonly<Record<string, (at: string) => Promise<unknown> | unknown>> = {
  pipe: (at) => execFileSync('mkfifo', [at]),
  folder: (at) => fs.mkdir(at),
  device: (at) => fs.symlink('/dev/zero', at),
  circle: (at) => fs.symlink(path.basename(at), at),
}

t.test('S49: what is no file is refused by name, and nobody waits for it', async (t) => {
  const folder = await newFolder()
  for (const [name, put] of Object.entries(strange)) {
    const at = path.join(folder, name)
    await put(at)
    const code = await codeOf(readFileIfPresent(nodeFileSystem, at))
    t.equal(code, 'LW_STORE_NOT_A_FILE', name)
    t.equal(await codeOf(loadTrustState(nodeFileSystem, at)), 'LW_TRUST_STATE_DAMAGED', name)
  }
  const at = path.join(folder, 's')
  const server = net.createServer().listen(at)
  await new Promise((resolve) => server.once('listening', resolve))
  t.equal(await codeOf(readFileIfPresent(nodeFileSystem, at)), 'LW_STORE_NOT_A_FILE', 'socket')
  server.close()
  t.equal(await readFileIfPresent(nodeFileSystem, path.join(folder, 'none')), undefined)
})

t.test(
  'R45 S49: records with strange files among theirs are damaged, never waited for',
  async (t) => {
    const original = await newFolder()
    {
      await using records = await openDeviceRecords({ directory: original })
      await records.space('s').put('k', 1)
    }
    for (const file of ['sequence', 'level/CURRENT', 'level/strange']) {
      for (const [name, put] of Object.entries(strange)) {
        const directory = await newFolder()
        await fs.cp(original, directory, { recursive: true })
        await fs.rm(path.join(directory, file), { force: true })
        await put(path.join(directory, file))
        const code = await codeOf(openDeviceRecords({ directory }))
        t.equal(code, 'LW_STORE_RECORDS_DAMAGED', `${file} is a ${name}`)
      }
    }
    for (const file of ['sequence', 'level/CURRENT']) {
      const directory = await newFolder()
      await fs.cp(original, directory, { recursive: true })
      await fs.truncate(path.join(directory, file), 1e10)
      t.equal(await codeOf(openDeviceRecords({ directory })), 'LW_STORE_RECORDS_DAMAGED', file)
    }
    const directory = await newFolder()
    await fs.cp(original, directory, { recursive: true })
    await fs.rm(path.join(directory, 'level'), { recursive: true })
    await fs.writeFile(path.join(directory, 'level'), 'x')
    t.equal(await codeOf(openDeviceRecords({ directory })), 'LW_STORE_RECORDS_DAMAGED')
  },
)

t.test('S49: strange things among objects under way stop no start and stay', async (t) => {
  const directory = await newFolder()
  const objects = createFileObjectStore({ directory })
  for (const folder of ['incoming', 'partial']) {
    await fs.mkdir(path.join(directory, folder))
    for (const [name, put] of Object.entries(strange)) {
      await put(path.join(directory, folder, name))
    }
    await fs.mkdir(path.join(directory, folder, `.lw-${'a'.repeat(32)}.tmp`))
  }
  await fs.writeFile(path.join(directory, 'incoming', `.lw-${'b'.repeat(32)}.tmp`), 'x')
  const summary = await objects.tidy({ partialsUntouchedSinceMs: Number.POSITIVE_INFINITY })
  t.same(summary, { temporaryFiles: 1, partials: 0 })
  t.equal((await fs.readdir(path.join(directory, 'partial'))).length, 5)
})
