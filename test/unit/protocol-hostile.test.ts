import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import {
  checkManifest,
  collisionKey,
  type EntryPath,
  encodeManifest,
  findCollisions,
  isChannelName,
  isLongwaveError,
  isTime,
  type LongwaveError,
  type Manifest,
  NameTree,
  parseCanonicalJson,
  parseChannelAddress,
  parseChannelName,
  parseDigest,
  parseDocument,
  parseEntryPath,
  parseManifest,
  parseSchedule,
  RouteOffer,
  UpdateAnswer,
  UpdateRequest,
  valuesMaxOf,
  whyNotLinkTarget,
  whyNotOnWindows,
} from '../../protocol/index.ts'

const digest = 'a'.repeat(64)
const head = {
  format: 'longwave-manifest-1',
  channel: digest,
  name: 'demo',
  release: 1,
  kind: 'files',
  published: '2026-01-01T00:00:00Z',
}
const file = (name: string) =>
  ({ type: 'file', path: name, size: 1, sha256: digest, mode: '0644', mime: 'text/plain' }) as const

const bytesOf = (entries: readonly unknown[], more: object = {}): Uint8Array =>
  encodeManifest({ ...head, ...more, entries } as unknown as Manifest)

function errorOf(run: () => unknown): LongwaveError | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    return isLongwaveError(error) ? error : undefined
  }
}

t.test('S46: no two links lead out together, though each alone stays inside', async (t) => {
  const up = { type: 'symlink', path: 'd1/d2/d3/x', target: '../../..' }
  const out = { type: 'symlink', path: 'y', target: 'd1/d2/d3/x/../../secret' }
  t.equal(errorOf(() => parseManifest(bytesOf([up])))?.code, undefined)
  t.equal(errorOf(() => parseManifest(bytesOf([up, out])))?.code, 'LW_FORMAT_DOCUMENT')
  const targets = ['a/..', 'a/../..', './a/../b', 'a/./../b', '../b/..', 'a//../b']
  for (const target of targets) {
    t.ok(whyNotLinkTarget('d/link' as EntryPath, target), target)
  }
  for (const target of ['a', '../a', './../a/b', '..', '.', 'a/./b/']) {
    t.equal(whyNotLinkTarget('d/link' as EntryPath, target), undefined, target)
  }
})

t.test('S46: what is refused of links is what a file system would follow out', async (t) => {
  const root = await realpath(await mkdtemp(path.join(os.tmpdir(), 'lw-links-')))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const tree = path.join(root, 'tree')
  await mkdir(path.join(tree, 'd1/d2/d3'), { recursive: true })
  await symlink('../../..', path.join(tree, 'd1/d2/d3/x'))
  await symlink('d1/d2/d3/x/..', path.join(tree, 'y'))
  t.equal(await realpath(path.join(tree, 'y')), root, 'the two do lead out')
  t.match(whyNotLinkTarget('y' as EntryPath, 'd1/d2/d3/x/..'), /goes up again/)
})

t.test('S75: what was wrong is shown, not repeated at full length', async (t) => {
  const long = 'x'.repeat(3_000_000)
  const errors = [
    errorOf(() => parseManifest(bytesOf([file(long)]))),
    errorOf(() => parseManifest(bytesOf([], { [long]: 1 }))),
    errorOf(() => parseEntryPath(long)),
    errorOf(() => parseEntryPath({ [long]: long })),
    errorOf(() => parseDigest(long)),
    errorOf(() => parseChannelName(long)),
    errorOf(() => parseChannelAddress(long)),
    errorOf(() => parseSchedule(long)),
  ]
  for (const error of errors) {
    t.ok(error, 'refused')
    t.ok((error?.message.length ?? 0) < 1000, `${error?.code}: ${error?.message.length}`)
    t.ok(JSON.stringify(error?.members).length < 1000, `${error?.code}: members`)
  }
})

t.test(
  'S59: values that no document of a schema has are refused before they are made',
  async (t) => {
    const sprawling = {
      deep: '['.repeat(1_000_000),
      deepObjects: '{"a":'.repeat(100_000),
      wide: `[${'{},'.repeat(1_000_000)}{}]`,
      members: `{${Array.from({ length: 100_000 }, (_, at) => `"k${at}":0`).join()}}`,
      numbered: `{${Array.from({ length: 100_000 }, (_, at) => `"${at * 1024}":0`).join()}}`,
    }
    for (const [name, text] of Object.entries(sprawling)) {
      const error = errorOf(() => parseDocument(UpdateRequest, text))
      t.equal(error?.code, 'LW_FORMAT_JSON', name)
      t.match((error?.cause as Error).message, /^(too many values|nested too deep)$/, name)
    }
    t.equal(
      valuesMaxOf(UpdateAnswer),
      Number.POSITIVE_INFINITY,
      'names of metadata are not counted',
    )
    t.ok(valuesMaxOf(RouteOffer) < 1000)
    t.same(Object.keys(Object.prototype), [])
  },
)

t.test(
  'S59: the largest honest update request is taken, brackets in texts do not count',
  async (t) => {
    const entries = Array.from({ length: 1000 }, (_, at) => ({
      sequence: at + 1,
      nonce: 'a'.repeat(16),
      at: '[[[[{{{{\\"[[,,,,,,',
      type: 'a/b',
      data: '',
    }))
    const request = {
      format: 'longwave-update-1',
      channel: digest,
      request: 'b'.repeat(32),
      tuner: digest,
      manifest: null,
      release: 0,
      rootVersion: 0,
      zoneMinutes: 0,
      formats: Array.from({ length: 16 }, () => '["\\\\'.repeat(3)),
      feedback: { epoch: 'c'.repeat(32), entries },
      laterVersion: { a: [1, 2, 3] },
    }
    const parsed = parseDocument(UpdateRequest, JSON.stringify(request))
    t.equal(parsed.feedback?.entries.length, 1000)
    t.same(parsed.formats, request.formats)
  },
)

t.test('S16 S59: nesting is bounded before a parser recurses', async (t) => {
  const nested = (depth: number) => Buffer.from(`${'['.repeat(depth)}${']'.repeat(depth)}`)
  t.ok(parseCanonicalJson(nested(64), { bytesMax: 1e6 }))
  for (const depth of [65, 100_000]) {
    const parse = () => parseCanonicalJson(nested(depth), { bytesMax: 1e6 })
    t.equal(errorOf(parse)?.code, 'LW_FORMAT_JSON', String(depth))
  }
  const texts = ['{"a":"', '"\\', '"\\\\"', '"', '["\\""', '{"__proto__":{"polluted":1}}']
  for (const text of texts) {
    errorOf(() => parseCanonicalJson(Buffer.from(text), { bytesMax: 100 }))
    t.equal(({} as { readonly polluted?: number }).polluted, undefined, text)
  }
})

t.test('S47: names that are one file on some systems, folders included', async (t) => {
  const pairs = [
    ['Readme', 'README'],
    ['a/B/c', 'a/b/d'],
    ['caf\u00e9', 'cafe\u0301'],
    ['stra\u00dfe', 'STRASSE'],
    ['\ufb01le', 'file'],
    ['\u0131con', 'Icon'],
    ['\u0130con', 'icon'],
    ['\uff21.txt', 'a.txt'],
    ['a\u200bb', 'ab'],
    ['\u212a', 'k'],
    ['\u03c3\u03c2', '\u03a3\u03a3'],
    ['x\u00ady', 'xy'],
    ['a\u202eb', 'AB'],
    ['\u00c5', '\u212b'],
    ['\u1e9e', 'ss'],
    ['\u01c4', '\u01c6'],
    ['\u2460', '1'],
    ['\u0345', '\u03b9'],
    ['\ufb00', 'FF'],
    ['dir/\u00c4', 'dir/a\u0308'],
  ] as const
  for (const [first, second] of pairs) {
    const told = findCollisions([first, second])
    t.equal(told.length, 1, JSON.stringify([first, second]))
    const error = errorOf(() =>
      checkManifest({ ...head, entries: [first, second].map(file).sort(byBytes) }),
    )
    t.equal(error?.code, 'LW_FORMAT_PATH_COLLISION', JSON.stringify([first, second]))
  }
  t.same(findCollisions(['A/x', 'a/x', 'a/y', 'A/z']), [{ first: 'A', second: 'a' }])
  t.same(findCollisions(['a/b', 'ab', 'a-b', 'a/b/c', 'b/a']), [])
})

const byBytes = (a: { readonly path: string }, b: { readonly path: string }): number =>
  Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))

t.test('S47 S60: thousands of collisions and of deep folders are a list and a count', async (t) => {
  const names = Array.from({ length: 5000 }, (_, at) => [`A${at}`, `a${at}`]).flat()
  t.equal(findCollisions(names).length, 20)
  const tree = new NameTree()
  const deep = Array.from({ length: 64 }, (_, at) => `${'d'.repeat(60)}${at}`).join('/')
  for (let at = 0; at < 2000; at++) tree.add(`${deep}/${at}`)
  tree.add(deep)
  t.same([...tree.entriesAsFolders()], [deep])
  t.same(tree.collisions, [])
})

t.test('a file, link or empty folder is no folder of others, wherever they stand', async (t) => {
  const lists = [
    [file('a'), file('a/b')],
    [file('a'), file('a-b'), file('a/b')],
    [{ type: 'symlink', path: 'a', target: 'b' }, file('a/c'), file('b')],
    [{ type: 'directory', path: 'a' }, file('a/b/c')],
  ]
  for (const entries of lists) {
    const error = errorOf(() => checkManifest({ ...head, entries }))
    t.match(error?.message, /"a" is an entry and a folder/)
  }
})

t.test('S48: names that Windows refuses', async (t) => {
  const names =
    'CON con.txt NUL.txt a/aux PRN.tar.gz COM1 com9.log COM\u00b9 LPT\u00b2 conin$ CONOUT$'.split(
      ' ',
    )
  const others = ['a.', 'a ', 'a./b', 'x /y', 'a:b', 'a<b', 'a>b', 'a|b', 'a?b', 'a*b', 'a"b']
  const rest = ['a\u0001', 'a\nb', `${'x'.repeat(240)}y`]
  for (const name of [...names, ...others, ...rest]) t.ok(whyNotOnWindows(name), name)
  for (const name of ['console', 'nul1', 'a.b', 'com', 'lpt10', 'a b']) {
    t.equal(whyNotOnWindows(name), undefined, name)
  }
})

t.test('S14 S44: names of channels and paths of entries never leave their folder', async (t) => {
  const names =
    '. .. ../x /x x/y x\\y ?x #x x? %2e %2e%2e .hidden -x _x X x..y __proto__ con:1 a\u0000'.split(
      ' ',
    )
  const others = ['', ' ', 'x ', 'x\n', 'x\u0000', 'é', 'x'.repeat(65), 'x'.repeat(300), 'a/../b']
  const foreign = [null, undefined, 7, {}, ['x'], true]
  for (const name of [...names, ...others, ...foreign]) {
    t.notOk(isChannelName(name), JSON.stringify(name))
  }
  for (const name of ['constructor', 'x.y', '0', 'a_-.b']) t.ok(isChannelName(name), name)
  const paths =
    '/ // /x x/ x//y ./x x/. x/.. ../x x/../y .. . C: C:x C:\\x c:/x \\\\h\\s \\\\?\\C:\\x x\\y'.split(
      ' ',
    )
  const more = ['', 'x\u0000y', '\ud800', `${'x/'.repeat(64)}x`, 'é'.repeat(128), 'x'.repeat(5000)]
  for (const name of [...paths, ...more]) {
    t.equal(errorOf(() => parseEntryPath(name))?.code, 'LW_FORMAT_PATH', JSON.stringify(name))
  }
})

t.test('S67 S68: what lists and terminals show of a channel steers neither', async (t) => {
  const steering = [
    '\u001b[2J',
    'a\u0007',
    '\u009b31m',
    'a\u202eb',
    'a\u2066b',
    'a\u2028b',
    'a\u007f',
  ]
  const members = ['title', 'category', 'label', 'description']
  for (const text of steering) {
    for (const name of members) {
      const error = errorOf(() => checkManifest({ ...head, [name]: text, entries: [] }))
      t.equal(error?.code, 'LW_FORMAT_DOCUMENT', `${name} ${encodeURIComponent(text)}`)
    }
    const error = errorOf(() => checkManifest({ ...head, requires: [text], entries: [] }))
    t.equal(error?.code, 'LW_FORMAT_DOCUMENT', `requires ${encodeURIComponent(text)}`)
  }
  const spoofed = errorOf(() => checkManifest({ ...head, title: 'a\nState  ok', entries: [] }))
  t.equal(spoofed?.code, 'LW_FORMAT_DOCUMENT', 'a title is one line')
  const honest = {
    title: 'Überblick – 概要 🚀 עברית',
    description: 'One.\n\n\t– two',
    label: 'v1 (β)',
  }
  t.ok(checkManifest({ ...head, ...honest, entries: [] }))
})

t.test('S53 S42: media types fit a header field, and repeaters carry no credentials', async (t) => {
  for (const mime of ['a/b\r\nx: y', 'é', 'a\u0000', 'x'.repeat(129)]) {
    const error = errorOf(() => checkManifest({ ...head, entries: [{ ...file('a'), mime }] }))
    t.match(error?.message, /mime/, JSON.stringify(mime))
  }
  for (const url of ['http://user:secret@host/', 'https://user@host', 'ftp://host/', 'http://']) {
    const repeaters = { assignment: 'round-robin', members: [{ url }] }
    const error = errorOf(() => checkManifest({ ...head, repeaters, entries: [] }))
    t.match(error?.message, /repeaters/, url)
  }
})

t.test('times that do not exist are refused', async (t) => {
  const none = ['2026-02-30T00:00:00Z', '2026-01-01T24:00:00Z', '2026-13-01T00:00:00Z']
  for (const text of [...none, '2026-01-01T00:00:60Z', '2026-01-01', '', null]) {
    t.notOk(isTime(text), String(text))
  }
  t.ok(isTime('2028-02-29T23:59:59Z'))
})

t.test('S47: no case, normalisation or second folding of a character gets past', async (t) => {
  const apart: string[] = []
  for (let point = 0x80; point < 0x20000; point++) {
    if (point >= 0xd800 && point <= 0xdfff) continue
    const text = String.fromCodePoint(point)
    const key = collisionKey(text)
    const forms = ['NFC', 'NFD', 'NFKC', 'NFKD'].map((form) => text.normalize(form))
    for (const other of new Set([text.toUpperCase(), text.toLowerCase(), key, ...forms])) {
      if (collisionKey(other) !== key) apart.push(`${text} and ${other}`)
    }
  }
  t.same(apart, [])
})

t.test('ASCII folds as everything else does', async (t) => {
  const all = String.fromCharCode(...Array.from({ length: 128 }, (_, at) => at))
  t.equal(collisionKey(`${all}\u00e9`), `${collisionKey(all)}\u00e9`)
})
