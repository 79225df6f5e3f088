import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { makeCliFolder, runCli, startCli } from '../support/cli-process.ts'

// Many processes: a machine with other work needs more time than a test usually has.
t.setTimeout(120_000)

t.test(
  'C102 C103 C105: running a subscription file makes the folder beside it an exact copy',
  async (t) => {
    const { root, home, base, remove } = await makeCliFolder()
    t.teardown(remove)
    await mkdir(path.join(base, 'sub'), { recursive: true })
    await writeFile(path.join(base, 'prices.csv'), 'tea;1')
    await writeFile(path.join(base, 'sub', 'note.txt'), 'a note')
    const server = await startCli(['transmitter', 'start', '--listen', '127.0.0.1:0'], { home })
    t.teardown(() => server.stop())
    const channel = `${server.firstLine}/prices`
    t.equal((await runCli(['publish', base, channel], { home })).code, 0)

    const desk = path.join(root, 'desk')
    const folder = path.join(desk, 'price-list')
    await mkdir(desk)
    const answer = await fetch(`${channel}/subscription`)
    t.match(answer.headers.get('content-disposition'), /filename="prices\.longwave"/)
    const document = await answer.text()
    const file = `${folder}.longwave`
    await writeFile(file, document)
    t.match(await runCli(['run', file, '--json'], { home }), {
      code: 0,
      last: { type: 'updated', to: 1, location: folder },
    })
    t.equal(await readFile(path.join(folder, 'prices.csv'), 'utf8'), 'tea;1')

    await writeFile(path.join(base, 'prices.csv'), 'tea;2')
    t.equal((await runCli(['publish', base, channel], { home })).code, 0)
    await writeFile(path.join(folder, 'prices.csv'), 'an edit of mine')
    await writeFile(path.join(folder, 'extra.txt'), 'extra')
    const second = await runCli(['run', file], { home })
    t.match(second, { code: 0, stdout: /release 1 → 2/ })
    t.equal(await readFile(path.join(folder, 'prices.csv'), 'utf8'), 'tea;2')
    t.same((await readdir(folder)).sort(), ['prices.csv', 'sub'], 'what was added is gone')
    t.equal((await runCli(['undo', folder], { home })).code, 0)
    t.equal(await readFile(path.join(folder, 'prices.csv'), 'utf8'), 'an edit of mine')
    t.equal(await readFile(path.join(folder, 'extra.txt'), 'utf8'), 'extra')

    await t.test('several files: one that fails stops no other', async (t) => {
      const other = path.join(desk, 'other.longwave')
      await writeFile(other, document)
      const broken = path.join(desk, 'broken.longwave')
      await writeFile(broken, '{')
      const run = await runCli(['run', broken, other], { home })
      t.equal(run.code, 3, run.stderr)
      t.match(run.stderr, /broken\.longwave is no subscription file/)
      t.equal(await readFile(path.join(desk, 'other', 'prices.csv'), 'utf8'), 'tea;2')
    })

    await t.test('the file decides which channel: another one is refused', async (t) => {
      const forged = path.join(desk, 'forged.longwave')
      const text = document.replace(/"channel":"[0-9a-f]{64}"/, `"channel":"${'0'.repeat(64)}"`)
      await writeFile(forged, text)
      t.equal((await runCli(['run', forged], { home })).code, 13)
      t.notOk((await readdir(desk)).includes('forged'), 'nothing was made')
    })

    await t.test('a folder with files of its own is not taken over unasked', async (t) => {
      const full = path.join(root, 'full')
      await mkdir(full)
      await writeFile(path.join(full, 'mine.txt'), 'mine')
      const refused = await runCli(['run', file, '--into', full], { home })
      t.equal(refused.code, 2, refused.stderr)
      t.equal(await readFile(path.join(full, 'mine.txt'), 'utf8'), 'mine')
    })
  },
)
