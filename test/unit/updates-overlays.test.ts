import t from 'tap'
import {
  canonicalJson,
  type ChannelName,
  type Digest,
  digestOf,
  type Entry,
  type EntryPath,
  type Manifest,
  type OverlayStatement,
  whyNotOverlay,
} from '../../protocol/index.ts'
import { encodeSpki, generateKeyPair } from '../../trust/index.ts'
import { mergeManifest } from '../../tuner/overlays/merge-manifest.ts'
import { verifyOverlay } from '../../tuner/overlays/index.ts'

const key = generateKeyPair()
const channel = '1'.repeat(64) as Digest
const tuner = '2'.repeat(64)

function file(path: string, mode: '0644' | '0755' = '0644'): Entry {
  return {
    type: 'file',
    path: path as EntryPath,
    size: 1,
    sha256: digestOf(path),
    mode,
    mime: 'text/plain',
  }
}

const manifest: Manifest = {
  format: 'longwave-manifest-1',
  channel,
  name: 'news' as ChannelName,
  release: 7,
  published: '2026-01-01T00:00:00Z',
  kind: 'html',
  main: 'open/main.html',
  plugin: { key: encodeSpki(key), paths: ['open', 'one.txt', 'Straße/'] },
  entries: [
    file('closed.txt'),
    file('one.txt'),
    file('open/Readme'),
    { type: 'directory', path: 'open/empty' as EntryPath },
    file('open/folder/leaf.txt'),
    { type: 'symlink', path: 'open/link' as EntryPath, target: 'Readme' },
    file('open/main.html'),
    file('open/run', '0755'),
  ],
}

const overlay = (...paths: readonly string[]) => paths.map((path) => ({ path, size: 1 }))

t.test('C53: an overlay has files only where the release opens a path to it', (t) => {
  for (const path of ['one.txt', 'open/new', 'open/Readme', 'open/empty/x', 'Straße/x']) {
    t.equal(whyNotOverlay(manifest, overlay(path)), undefined, path)
  }
  const refused = [
    'closed.txt',
    'one.txt.bak',
    'opener/x',
    'other',
    '../open/x',
    'open/../closed.txt',
    '/open/x',
    'open//x',
    'open/x\\y',
    'open/\0',
    'open/main.html',
    'open/run',
    'open/link',
    'open/link/x',
    'open/folder',
    'open/Readme/x',
    'open/readme',
    'open/EMPTY/x',
    'STRASSE/x',
  ]
  for (const path of refused) t.type(whyNotOverlay(manifest, overlay(path)), 'string', path)
  t.type(whyNotOverlay(manifest, overlay('open/a', 'open/a')), 'string', 'twice')
  t.type(whyNotOverlay(manifest, overlay('open/a', 'open/A')), 'string', 'colliding')
  t.type(whyNotOverlay(manifest, overlay('open/a', 'open/a/b')), 'string', 'file and folder')
  const large = [{ path: 'open/a', size: 9 * 1024 * 1024 }]
  t.type(whyNotOverlay(manifest, large), 'string', 'too large')
  const many = overlay(...Array.from({ length: 1001 }, (_, at) => `open/${at}`))
  t.type(whyNotOverlay(manifest, many), 'string', 'too many')
  const { plugin: _plugin, ...without } = manifest
  t.type(whyNotOverlay(without, overlay('open/a')), 'string', 'no plug-in')
  t.end()
})

t.test('C53: what an overlay makes of a release is a sound manifest', (t) => {
  const digest = digestOf('x')
  const files = ['open/empty/x', 'open/Readme', 'open/zz'].map((path) => ({
    path,
    sha256: digest,
    size: 1,
    mime: 'text/plain',
  }))
  const merged = mergeManifest(manifest, files)
  t.same(
    merged.entries.map((entry) => entry.path),
    [
      'closed.txt',
      'one.txt',
      'open/Readme',
      'open/empty/x',
      'open/folder/leaf.txt',
      'open/link',
      'open/main.html',
      'open/run',
      'open/zz',
    ],
  )
  t.equal(merged.entries.filter((e) => e.type === 'file' && e.sha256 === digest).length, 3)
  t.equal(manifest.entries.length, 8, 'the release’s own is as it was')
  t.end()
})

t.test('C53 S10: an overlay counts only as it was signed for this tuner and release', (t) => {
  const sound: OverlayStatement = {
    format: 'longwave-overlay-1',
    channel,
    tuner,
    release: 7,
    serial: 5,
    files: [{ path: 'open/a', sha256: digestOf('a'), size: 1, mime: 'text/plain' }],
  }
  const sign = (value: object, signer = key) => {
    const statement = canonicalJson(value as never)
    const signature = Buffer.from(signer.sign(Buffer.from(statement))).toString('base64')
    return { statement, signature, digest: digestOf(statement) }
  }
  const expected = { channel, tuner, manifest, last: undefined }
  t.same(verifyOverlay(sign(sound), expected), sound)
  const again = { serial: 5, statement: sign(sound).digest as string }
  t.same(verifyOverlay(sign(sound), { ...expected, last: again }), sound, 'the same once more')
  const code = { code: 'LW_UPDATE_OVERLAY' }
  const altered = { ...sign(sound), statement: sign({ ...sound, serial: 6 }).statement }
  t.throws(() => verifyOverlay(altered, expected), code, 'altered')
  t.throws(() => verifyOverlay(sign(sound, generateKeyPair()), expected), code, 'another key')
  const others = [
    { ...sound, channel: '3'.repeat(64) },
    { ...sound, tuner: '3'.repeat(64) },
    { ...sound, release: 6 },
    { ...sound, release: 8 },
    { ...sound, files: [{ path: 'closed.txt', sha256: digestOf('a'), size: 1, mime: '' }] },
    { ...sound, serial: 0 },
    { ...sound, extra: 1, format: 'longwave-overlay-2' },
  ]
  for (const value of others) {
    t.throws(() => verifyOverlay(sign(value), expected), code, JSON.stringify(value).slice(0, 200))
  }
  t.throws(() => verifyOverlay(sign(sound), { ...expected, last: { serial: 6 } }), code, 'replayed')
  const other = { serial: 5, statement: '4'.repeat(64) }
  t.throws(() => verifyOverlay(sign(sound), { ...expected, last: other }), code, 'another one')
  t.end()
})
