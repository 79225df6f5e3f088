import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { digestOf } from '../../protocol/index.ts'
import {
  nodeTreeReader,
  type ScanOptions,
  type StatCacheStore,
  scanDirectory,
  type TreeReader,
} from '../../publisher/scan/index.ts'

/** A clock far enough after the files were made that the cache trusts them. */
const later = { now: () => Date.now() + 10_000 }

function makeTree(t: { teardown(done: () => void): void }, files: Record<string, string>): string {
  const base = mkdtempSync(path.join(tmpdir(), 'lw-scan-'))
  t.teardown(() => rmSync(base, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(base, name)), { recursive: true })
    writeFileSync(path.join(base, name), text)
  }
  return base
}

const scan = (directory: string, more: Partial<ScanOptions> = {}) =>
  scanDirectory({ directory, clock: later, ...more })

function memoryCache(): { store: StatCacheStore; saved: Uint8Array[] } {
  const saved: Uint8Array[] = []
  const store = {
    load: async () => saved.at(-1),
    save: async (bytes: Uint8Array) => {
      saved.push(bytes)
    },
  }
  return { store, saved }
}

/** A reader that counts opened files and can do something before each read. */
function watchedReader(onOpen: (path: string) => void): TreeReader {
  return {
    ...nodeTreeReader,
    open(file) {
      onOpen(file)
      return nodeTreeReader.open(file)
    },
  }
}

t.test('C40: files, links and empty directories become sorted entries', async (t) => {
  const base = makeTree(t, { 'b.html': '<p>', 'a/x.js': 'x', 'a/Z.bin': 'zz', 'zoë.txt': 'z' })
  mkdirSync(path.join(base, 'empty/inner'), { recursive: true })
  symlinkSync('a/x.js', path.join(base, 'link'))
  chmodSync(path.join(base, 'a/x.js'), 0o4777)
  const { entries, stats, warnings } = await scan(base)
  t.strictSame(
    entries.map(({ type, path }) => [type, path]),
    [
      ['file', 'a/Z.bin'],
      ['file', 'a/x.js'],
      ['file', 'b.html'],
      ['directory', 'empty/inner'],
      ['symlink', 'link'],
      ['file', 'zoë.txt'],
    ],
  )
  t.match(entries[1], { mode: '0755', sha256: digestOf('x'), size: 1, mime: 'text/javascript' })
  t.match(entries[0], { mode: '0644', mime: 'application/octet-stream' })
  t.match(entries[2], { mime: 'text/html' })
  t.match(entries[4], { target: 'a/x.js' })
  t.match(stats, { files: 4, bytes: 7, symlinks: 1, emptyDirectories: 1, readFiles: 4 })
  t.match(warnings.join('\n'), /Set-uid.*a\/x\.js/)
})

t.test('C40: ignore rules leave things out: .git, .longwaveignore, globs', async (t) => {
  const base = makeTree(t, {
    '.git/config': 'secret',
    'sub/.git/config': 'secret',
    '.longwaveignore': '*.log\n!keep.log\nbuild/\n',
    'a.log': '',
    'keep.log': 'kept',
    'build/out.js': '',
    'src/main.ts': 'x',
    'src/notes.md': 'x',
    'A.LOG': 'other case',
  })
  const { entries, stats, warnings } = await scan(base, { ignore: ['*.md'] })
  t.strictSame(
    entries.map((entry) => entry.path),
    ['A.LOG', 'keep.log', 'src/main.ts', 'sub'],
  )
  t.equal(stats.ignored, 6)
  t.match(warnings.join('\n'), /\.git are left out/)
  const taken = await scan(base, { ignore: ['!.git/', 'src', 'sub', '*.LOG', '*.log'] })
  t.strictSame(
    taken.entries.map((entry) => entry.path),
    ['.git/config'],
  )
})

t.test('C40: what cannot be published is refused, and all of it is named', async (t) => {
  await t.test('links that leave the tree, by their text or through other links', async (t) => {
    const base = makeTree(t, { 'd/f': 'x' })
    symlinkSync('../../etc/passwd', path.join(base, 'd/up'))
    symlinkSync('/etc/passwd', path.join(base, 'absolute'))
    await t.rejects(scan(base), {
      code: 'LW_PUBLISH_LINK_OUTSIDE',
      members: { paths: ['absolute', 'd/up'] },
    })
    const through = makeTree(t, { 'd/f': 'x' })
    symlinkSync('.', path.join(through, 'here'))
    symlinkSync('here/here/../..', path.join(through, 'climbs'))
    await t.rejects(scan(through), { code: 'LW_PUBLISH_LINK_OUTSIDE', detail: /climbs/ })
  })
  await t.test('sockets, and what else is no file', async (t) => {
    const base = makeTree(t, { f: 'x' })
    const server = createServer().listen(path.join(base, 'socket'))
    await new Promise((resolve) => server.once('listening', resolve))
    t.teardown(() => server.close())
    await t.rejects(scan(base), { code: 'LW_PUBLISH_SPECIAL_FILE', detail: /socket/ })
    await t.resolves(scan(base, { ignore: ['socket'] }))
  })
  await t.test('names that are not UTF-8', async (t) => {
    const base = makeTree(t, { f: 'x' })
    writeFileSync(Buffer.concat([Buffer.from(`${base}/caf`), Buffer.of(0xe9)]), 'x')
    await t.rejects(scan(base), { code: 'LW_PUBLISH_NAME_NOT_UTF8', detail: /café/ })
  })
  await t.test('S47: names that are one file elsewhere', async (t) => {
    const base = makeTree(t, { 'd/Readme': 'x', 'd/README': 'x' })
    await t.rejects(scan(base), { code: 'LW_FORMAT_PATH_COLLISION', detail: /d\/R.*d\/R/ })
  })
  await t.test('paths with a backslash', async (t) => {
    const base = makeTree(t, { 'a\\b': 'x' })
    await t.rejects(scan(base), { code: 'LW_FORMAT_PATH' })
  })
  await t.test('S48: names that Windows refuses: a warning, or a refusal when asked', async (t) => {
    const base = makeTree(t, { 'aux.txt': 'x', 'ok.': 'x' })
    const { warnings } = await scan(base)
    t.match(warnings.join('\n'), /aux\.txt.*ok\./)
    await t.rejects(scan(base, { portable: true }), {
      code: 'LW_PUBLISH_NOT_PORTABLE',
      members: { paths: ['aux.txt', 'ok.'] },
    })
  })
  await t.test('files that cannot be read, all of them', async (t) => {
    const base = makeTree(t, { 'a/1': 'x', 'a/2': 'x', ok: 'x' })
    const refused = Object.assign(new Error('no'), { code: 'EACCES' })
    const reader = watchedReader((file) => {
      if (file.includes('/a/')) throw refused
    })
    await t.rejects(scan(base, { reader }), {
      code: 'LW_PUBLISH_UNREADABLE',
      members: { paths: ['a/1', 'a/2'] },
    })
  })
  await t.test('no directory at all, or a file', async (t) => {
    const base = makeTree(t, { f: 'x' })
    await t.rejects(scan(path.join(base, 'gone')), { code: 'LW_PUBLISH_NO_DIRECTORY' })
    await t.rejects(scan(path.join(base, 'f')), { code: 'LW_PUBLISH_NO_DIRECTORY' })
  })
  await t.test('S42: a directory that holds the keys, unless they are ignored', async (t) => {
    const base = makeTree(t, { 'home/keys/k.pem': 'x', f: 'x' })
    const keepOut = [path.join(base, 'home')]
    await t.rejects(scan(base, { keepOut }), { code: 'LW_PUBLISH_HOLDS_KEYS' })
    await t.rejects(scan(path.join(base, 'home'), { keepOut }), { code: 'LW_PUBLISH_HOLDS_KEYS' })
    t.equal((await scan(base, { keepOut, ignore: ['/home/'] })).stats.files, 1)
  })
})

t.test('C40: a base directory that is a link is resolved, and that is said', async (t) => {
  const base = makeTree(t, { f: 'x' })
  const link = `${base}-link`
  symlinkSync(base, link)
  t.teardown(() => rmSync(link))
  const result = await scan(link)
  t.equal(result.base, base)
  t.match(result.warnings.join('\n'), /leads to/)
})

t.test('C40: a file that changes while it is read is read again, then refused', async (t) => {
  const base = makeTree(t, { log: 'start' })
  const file = path.join(base, 'log')
  const changing = (times: number): TreeReader => ({
    ...nodeTreeReader,
    open(name) {
      const opened = nodeTreeReader.open(name)
      if (!name.endsWith('/log')) return opened
      return {
        ...opened,
        readNow(into, position) {
          if (times > 0) {
            times--
            appendFileSync(file, 'more')
          }
          return opened.readNow(into, position)
        },
      }
    },
  })
  const { entries } = await scan(base, { reader: changing(1) })
  t.match(entries[0], { size: 9, sha256: digestOf('startmore') })
  await t.rejects(scan(base, { reader: changing(100) }), {
    code: 'LW_PUBLISH_FILE_CHANGING',
    exit: 75,
    members: { paths: ['log'] },
  })
})

t.test('C46: an unchanged tree is scanned again without reading contents', async (t) => {
  const base = makeTree(t, { 'a/1': 'one', 'a/2': 'two', '3': 'three' })
  const { store, saved } = memoryCache()
  const opened: string[] = []
  const reader = watchedReader((file) => opened.push(file))
  const again = () => scan(base, { cache: () => store, reader })
  const first = await again()
  opened.length = 0
  const second = await again()
  t.strictSame(second.entries, first.entries)
  t.match(second.stats, { readFiles: 0, cachedFiles: 3 })
  t.strictSame(
    opened.map((file) => path.basename(file)),
    ['.longwaveignore'],
  )
  t.equal(saved.length, 1, 'a scan that read nothing writes no cache')

  writeFileSync(path.join(base, 'a/1'), 'ONE')
  utimesSync(path.join(base, 'a/1'), 1, 1)
  const third = await again()
  t.match(third.stats, { readFiles: 1, cachedFiles: 2 })
  t.match(third.entries[1], { sha256: digestOf('ONE') })

  saved.push(Buffer.from(saved.at(-1) ?? []).fill(0, 30, 40))
  t.match((await again()).stats, { readFiles: 3 }, 'a damaged cache is as good as none')
})

t.test('C46: files that changed in the last 2 s are read again by the next scan', async (t) => {
  const base = makeTree(t, { f: 'x' })
  const { store } = memoryCache()
  const options = { cache: () => store, clock: { now: () => Date.now() } }
  await scan(base, options)
  t.match((await scan(base, options)).stats, { readFiles: 1 })
})

t.test('C41: content goes out only while it is what was scanned', async (t) => {
  const base = makeTree(t, { small: 'x'.repeat(100), large: 'y'.repeat(3_000_000) })
  const { source, entries } = await scan(base)
  const digests = entries.map((entry) => (entry.type === 'file' ? entry.sha256 : digestOf('')))
  const [large, small] = [digests[0] ?? digestOf(''), digests[1] ?? digestOf('')]
  const whole: Uint8Array[] = []
  for await (const piece of source.stream(large)) whole.push(Buffer.from(piece))
  t.equal(digestOf(Buffer.concat(whole)), large)
  const part: Uint8Array[] = []
  for await (const piece of source.stream(large, 2_999_990)) part.push(piece)
  t.equal(Buffer.concat(part).toString(), 'y'.repeat(10))
  t.equal(digestOf(await source.readWhole(small)), small)

  appendFileSync(path.join(base, 'small'), 'z')
  await t.rejects(source.readWhole(small), { code: 'LW_PUBLISH_FILE_CHANGING' })
  await t.rejects(
    async () => {
      for await (const _piece of source.stream(large)) appendFileSync(path.join(base, 'large'), '!')
    },
    { code: 'LW_PUBLISH_FILE_CHANGING' },
  )
  rmSync(path.join(base, 'small'))
  t.throws(() => source.open(small), { code: 'LW_PUBLISH_FILE_CHANGING' })
})

t.test('C40: a scan can be stopped', async (t) => {
  const base = makeTree(
    t,
    Object.fromEntries(Array.from({ length: 1200 }, (_, i) => [`d/${i}`, ''])),
  )
  await t.rejects(scan(base, { signal: AbortSignal.abort(new Error('stop')) }), { message: 'stop' })
})
