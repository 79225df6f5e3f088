import t from 'tap'
import {
  canonicalJson,
  type ChannelName,
  type Digest,
  digestOf,
  encodeManifest,
  type EntryPath,
  type Manifest,
  type OverlayStatement,
} from '../../protocol/index.ts'
import { StagingArea } from '../../mirroring/index.ts'
import type { FileSystem } from '../../store/durable-files/index.ts'
import { encodeSpki, generateKeyPair } from '../../trust/index.ts'
import {
  buildGeneration,
  GenerationStore,
  releaseRecordFormat,
  verifyGeneration,
} from '../../tuner/generations/index.ts'
import { OverlayStore } from '../../tuner/overlays/index.ts'
import { MemoryFileSystem, sweepFaults } from '../faults/index.ts'

const key = generateKeyPair()
const channel = digestOf('channel')
const texts = { 'a.txt': 'a', 'open/b.txt': 'b', 'open/c.txt': 'c' }

const manifest: Manifest = {
  format: 'longwave-manifest-1',
  channel,
  name: 'news' as ChannelName,
  release: 1,
  published: '2026-01-01T00:00:00Z',
  kind: 'files',
  plugin: { key: encodeSpki(key), paths: ['open/'] },
  entries: Object.entries(texts).map(([name, text]) => ({
    type: 'file',
    path: name as EntryPath,
    size: text.length,
    sha256: digestOf(text),
    mode: '0644',
    mime: 'text/plain',
  })),
}

interface Place {
  readonly fs: FileSystem
  readonly root: string
}

/** A channel with one release, shown without an overlay. */
async function prepare(fs: FileSystem, root: string): Promise<Place> {
  const store = new GenerationStore({ fs, directory: root })
  await store.recover()
  const staging = new StagingArea({ directory: store.stagingDirectory, fileSystem: fs })
  await staging.open()
  for (const text of Object.values(texts)) {
    await staging.adoptBytes(digestOf(text), Buffer.from(text))
  }
  const manifestBytes = encodeManifest(manifest)
  await buildGeneration({
    fs,
    channelDirectory: root,
    name: '1',
    record: {
      format: releaseRecordFormat,
      channel,
      url: 'http://127.0.0.1/news',
      release: 1,
      manifest: digestOf(manifestBytes),
      completed: '2026-01-01T00:00:00Z',
    },
    manifest,
    manifestBytes,
    staging,
    base: undefined,
    baseHas: () => false,
  })
  await store.switchTo('1')
  return { fs, root }
}

async function lay(fs: FileSystem, root: string): Promise<void> {
  const store = new GenerationStore({ fs, directory: root })
  const base = await store.current()
  if (base === undefined) throw new Error('no release')
  const overlays = new OverlayStore({ fs, directory: root })
  const files = ['open/b.txt', 'open/new.txt'].map((name) => ({
    path: name,
    sha256: digestOf(`for you: ${name}`),
    size: `for you: ${name}`.length,
    mime: 'text/plain',
  }))
  const statement: OverlayStatement = {
    format: 'longwave-overlay-1',
    channel,
    tuner: digestOf('tuner'),
    release: 1,
    serial: 1,
    files,
  }
  const text = canonicalJson(statement as never)
  const signature = Buffer.from(key.sign(Buffer.from(text))).toString('base64')
  const staging = overlays.staging()
  await staging.open()
  for (const file of files) {
    await staging.adoptBytes(file.sha256 as Digest, Buffer.from(`for you: ${file.path}`))
  }
  const signed = { statement: text, signature }
  await overlays.build({ base, signed, statement, staging, nowMs: 0 })
  await store.switchTo('1', 1)
}

t.test(
  'R1 R2 R3 R4 C53: a broken overlay shows the release alone or wholly under it',
  async (t) => {
    const fs = new MemoryFileSystem()
    let count = 0
    const result = await sweepFaults<Place>({
      prepare: () => prepare(fs, `/channel-${++count}`),
      act: (faulty, { root }) => lay(faulty, root),
      fileSystem: fs,
      recover: async ({ root }) => new GenerationStore({ fs, directory: root }).recover(),
      check: async ({ root }) => {
        const store = new GenerationStore({ fs, directory: root })
        const generation = await store.current()
        if (generation === undefined) return 'mixed'
        if ((await verifyGeneration(fs, generation)).length > 0) return 'mixed'
        const serial = await store.currentOverlay()
        const overlays = new OverlayStore({ fs, directory: root })
        // What is left of a broken attempt is in nobody's way.
        if (serial === undefined) await lay(fs, root)
        const damages = await overlays.verify(generation, 1)
        if (damages.length > 0) return 'mixed'
        return serial === undefined ? 'old' : 'new'
      },
    })
    t.same(result.mixedPoints, [])
    t.ok(result.points > 40, `${result.points} points`)
    t.ok(result.old > 0)
  },
)
