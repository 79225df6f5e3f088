import t from 'tap'
import { canonicalJson, digestOf, type Json, manifestFormat } from '../../protocol/index.ts'
import { systemClock } from '../../transport/index.ts'
import { GenerationStore } from '../../tuner/generations/index.ts'
import type { Subscription } from '../../tuner/subscriptions/index.ts'
import { type UpdateContext, updateFolder, updateGenerations } from '../../tuner/updates/index.ts'
import { MemoryFileSystem } from '../faults/memory-file-system.ts'
import { channelId, channelUrl } from '../support/memory-channel.ts'
import { memoryTransport } from '../support/memory-transport.ts'
import { readTreeOf } from '../support/tree-state.ts'

/** Names that a signed manifest must not get anywhere with (S44). */
const names: readonly string[] = [
  ...['..', '../evil', 'a/../../evil', 'a/..', './a', 'a/./b', '.', '', '/', '/etc/passwd', '//a'],
  ...['a//b', 'a/', 'a\0b', '\0', 'C:', 'C:evil', 'C:..\\x', 'C:\\evil', 'c:/evil', 'Z:x'],
  ...['\\\\server\\share', '\\\\?\\C:\\x', '..\\evil', 'a\\b', '\\', 'a/..\\b', '\\\\.\\pipe\\x'],
  ...['a/../b', '../../../../evil', 'a/b/c/../../../../evil', 'lib/../..', '..//evil', '/../evil'],
  ...['x/'.repeat(65).slice(0, -1), 'y'.repeat(256), `${'z'.repeat(200)}/`.repeat(21).slice(0, -1)],
  ...['\ud800', 'a\udfff', '../', '/.', './', './..', '.../../..', 'a/...//..', '..\0', 'a/\0/b'],
  ...[
    '../a',
    'a/b/../..',
    'b/../../c',
    '/srv/x',
    'D:\\',
    '\\\\?\\UNC\\x',
    'x\\..\\..\\y',
    ' \0',
    'e:',
  ],
]

const linkTargets: readonly string[] = [
  ...['/etc/passwd', '../outside', '..', 'a/../../x', 'C:\\x', '\\\\server\\x', '', 'a\0b'],
  ...['../../../../../../etc/shadow', '/', '//x', './../..', 'sub/../../out', '\ud800'],
]

function channelWith(entry: Json) {
  const manifest = {
    format: manifestFormat,
    channel: channelId,
    name: 'demo',
    release: 1,
    kind: 'files',
    published: '2026-01-01T00:00:00Z',
    entries: [entry],
  }
  // Lone surrogates cannot be canonical; they travel as they would from a careless signer.
  const isIllFormed = /\\ud[89a-f]/i.test(JSON.stringify(entry))
  const text = isIllFormed ? JSON.stringify(manifest) : undefined
  const bytes = Buffer.from(text ?? canonicalJson(manifest as unknown as Json))
  const sha256 = digestOf(bytes)
  const pages = new Map<string, Uint8Array>([[`${channelUrl}/objects/${sha256}`, bytes]])
  pages.set(`${channelUrl}/objects/${digestOf('evil')}`, Buffer.from('evil'))
  const head = {
    sha256,
    bytes: bytes.length,
    release: 1,
    entries: 1,
    totalBytes: 4,
    largestFileBytes: 4,
  }
  return { pages, head }
}

const subscription: Subscription = {
  id: 'demo',
  name: 'demo',
  url: channelUrl,
  channel: channelId,
  firstUse: 'pinned',
  addedAt: '2026-01-01T00:00:00Z',
}

async function attack(entry: Json) {
  const { pages, head } = channelWith(entry)
  const fs = new MemoryFileSystem()
  for (const folder of ['/home', '/home/state', '/home/folder']) await fs.mkdir(folder)
  const transport = memoryTransport(pages)
  const context: UpdateContext = { fs, transport, clock: systemClock, sources: [channelUrl] }
  const store = new GenerationStore({ fs, directory: '/home/state' })
  const errors: unknown[] = []
  await store.recover()
  await updateGenerations(context, { subscription, store, head, kept: 3 }).catch((error) =>
    errors.push(error),
  )
  await updateFolder(context, {
    subscription: { ...subscription, into: { directory: '/home/folder', protect: [] } },
    stateDirectory: '/home/state',
    head,
  }).catch((error) => errors.push(error))
  const tree = await readTreeOf(fs, '/')
  const written = [...tree].filter(([, what]) => what !== 'folder').map(([name]) => name)
  // Only the tuner's own rooms may hold files.
  const outside = written.filter(
    (name) => !/^home\/(state|folder\/\.longwave-updating)\//.test(name),
  )
  return { errors, outside }
}

t.test('S44: names that climb out are refused and write nothing', async (t) => {
  t.ok(names.length >= 50)
  for (const path of names) {
    const file = {
      type: 'file',
      path,
      size: 4,
      sha256: digestOf('evil'),
      mode: '0644',
      mime: 'x/y',
    }
    const { errors, outside } = await attack(file as unknown as Json)
    const shown = JSON.stringify(path).slice(0, 40)
    t.equal(errors.length, 2, `${shown} is refused`)
    t.strictSame(outside, [], `${shown} wrote nothing`)
  }
})

t.test('S46: link targets outside the tree are refused', async (t) => {
  for (const target of linkTargets) {
    const link = { type: 'symlink', path: 'link', target }
    const { errors, outside } = await attack(link as unknown as Json)
    t.equal(errors.length, 2, `${JSON.stringify(target)} is refused`)
    t.strictSame(outside, [])
  }
})
