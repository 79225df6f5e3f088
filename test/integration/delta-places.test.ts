// What `longwave delta` refuses to read, and where it refuses to write.
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { applyDirectoryDelta, makeDirectoryDelta, verifyDirectoryDelta } from '../../delta/index.ts'

t.setTimeout(120_000)

const trees = { old: { a: 'one' }, new: { a: 'two' } }

function making(root: string, more: Partial<Parameters<typeof makeDirectoryDelta>[0]> = {}) {
  return makeDirectoryDelta({
    oldPath: path.join(root, 'old'),
    newPath: path.join(root, 'new'),
    outputPath: path.join(root, 'delta'),
    effort: 'fast',
    ...more,
  })
}

t.test('a delta is written over nothing, and into nothing that it is made of', async (t) => {
  const root = t.testdir({ ...trees, delta: 'precious', link: t.fixture('symlink', 'new') })
  const inside = path.join(root, 'new', 'delta')
  const places = [path.join(root, 'delta'), inside, path.join(root, 'old'), path.join(root, 'new')]
  const before = await readdir(root, { recursive: true })
  for (const outputPath of [...places, path.join(root, 'link', 'delta')]) {
    const error = { code: 'LW_DELTA_EXISTS', exit: 2 }
    await t.rejects(making(root, { outputPath }), error, outputPath)
  }
  const newPath = path.join(root, 'new', 'a')
  await t.rejects(making(root, { newPath, outputPath: newPath }), { code: 'LW_DELTA_EXISTS' })
  const nowhere = path.join(root, 'no', 'delta')
  await t.rejects(making(root, { outputPath: nowhere }), {
    code: 'LW_DELTA_MAKE',
    exit: 1,
    message: /There is no folder .*no for the result/,
  })
  t.equal(await readFile(path.join(root, 'delta'), 'utf8'), 'precious')
  t.same(await readdir(root, { recursive: true }), before, 'nothing was left')
  const beside = path.join(root, 'free')
  writeFileSync(`${beside}.part`, 'mine')
  writeFileSync(`${beside}.bundle`, 'mine')
  await making(root, { outputPath: beside })
  t.equal(await readFile(`${beside}.part`, 'utf8'), 'mine')
  t.equal(await readFile(`${beside}.bundle`, 'utf8'), 'mine')
})

t.test('a root may be a link to a folder or file; pipes and devices are refused', async (t) => {
  const root = t.testdir({ ...trees, oldLink: t.fixture('symlink', 'old') })
  await making(root, { oldPath: path.join(root, 'oldLink') })
  const deltaPath = path.join(root, 'delta')
  const { entries } = await verifyDirectoryDelta({ oldPath: path.join(root, 'old'), deltaPath })
  t.equal(entries, 1)
  if (process.platform === 'win32') return
  const pipe = path.join(root, 'pipe')
  execFileSync('mkfifo', [pipe])
  for (const special of [pipe, '/dev/zero']) {
    const outputPath = path.join(root, 'other')
    const refused = { code: 'LW_DELTA_MAKE', exit: 1, message: /neither a file nor a folder/ }
    await t.rejects(making(root, { oldPath: special, outputPath }), refused, special)
    await t.rejects(making(root, { newPath: special, outputPath }), refused, special)
    await t.rejects(verifyDirectoryDelta({ oldPath: special, deltaPath }), {
      code: 'LW_DELTA_BASE',
    })
  }
  execFileSync('mkfifo', [path.join(root, 'new', 'pipe')])
  await t.rejects(making(root, { outputPath: path.join(root, 'other') }), {
    code: 'LW_DELTA_MAKE',
    message: /pipe is no file, link or folder/,
  })
})

t.test('what no manifest can say is told by its path, and ends with 1', async (t) => {
  const cases: Readonly<Record<string, (folder: string) => [setUp: () => void, says: RegExp]>> = {
    absolute: (folder) => [
      () => symlinkSync('/etc/passwd', path.join(folder, 'l')),
      /\/l is a link with an absolute target: "\/etc\/passwd"/,
    ],
    climbing: (folder) => [
      () => symlinkSync('../../x', path.join(folder, 'l')),
      /\/l is a link with a target outside the tree/,
    ],
    'not UTF-8': (folder) => [
      () => writeFileSync(Buffer.from(`${folder}/caf\xe9`, 'latin1'), ''),
      /holds a name that is not UTF-8: "caf\u00e9"/,
    ],
    backslash: (folder) => [
      () => writeFileSync(path.join(folder, 'a\\b'), ''),
      /The path .*a\\b contains a backslash/,
    ],
    case: (folder) => [
      () => {
        mkdirSync(path.join(folder, 'B'))
        writeFileSync(path.join(folder, 'B', 'x'), '')
        mkdirSync(path.join(folder, 'b'))
        writeFileSync(path.join(folder, 'b', 'y'), '')
      },
      /"B" and "b" are one name on some systems/,
    ],
  }
  for (const [name, make] of Object.entries(cases)) {
    for (const side of ['old', 'new']) {
      const root = t.testdir(trees)
      const [setUp, says] = make(path.join(root, side))
      setUp()
      const error = { code: 'LW_DELTA_MAKE', exit: 1, message: says }
      await t.rejects(making(root), error, `${name} in ${side}`)
      t.same((await readdir(root)).sort(), ['new', 'old'])
    }
  }
})

t.test('a delta file is exactly as long as it says', async (t) => {
  const root = t.testdir(trees)
  await making(root)
  const deltaPath = path.join(root, 'delta')
  const oldPath = path.join(root, 'old')
  const { size } = await stat(deltaPath)
  for (const more of ['\0', 'x', 'x'.repeat(100_000)]) {
    appendFileSync(deltaPath, more)
    const error = { code: 'LW_DELTA_FORMAT', message: new RegExp(`${more.length} bytes follow`) }
    await t.rejects(verifyDirectoryDelta({ oldPath, deltaPath }), error)
    const newPath = path.join(root, 'result')
    await t.rejects(applyDirectoryDelta({ oldPath, deltaPath, newPath }), error)
    truncateSync(deltaPath, size)
  }
  truncateSync(deltaPath, size - 1)
  const short = { code: 'LW_DELTA_FORMAT', message: /lacks its last 1 bytes/ }
  await t.rejects(verifyDirectoryDelta({ oldPath, deltaPath }), short)
})

t.test('a signal ends the reading of a large tree', async (t) => {
  const root = t.testdir(trees)
  const large = path.join(root, 'new', 'large')
  writeFileSync(large, '')
  // A sparse file: seconds to hash, nothing to store.
  truncateSync(large, 2 ** 33)
  const signal = AbortSignal.timeout(200)
  await t.rejects(making(root, { signal }), { code: 'LW_DELTA_CANCELLED' })
})
