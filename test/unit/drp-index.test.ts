import fc from 'fast-check'
import t from 'tap'
import {
  checkManifest,
  comparePaths,
  digestOf,
  type Manifest,
  whyNotEntryPath,
} from '../../protocol/index.ts'
import {
  type DrpIndex,
  encodeDrpIndex,
  formatContentIdentifier,
  identifierOfDigest,
  parseContentIdentifier,
  parseDrpIndex,
} from '../../protocol/drp/index.ts'
import { loadVectors } from '../interop/drp/vectors.ts'

interface IndexVectors {
  readonly valid: readonly {
    readonly name: string
    readonly what: string
    readonly url: string
    readonly xml: string
    readonly names?: 'any'
    readonly index: unknown
  }[]
  readonly invalid: readonly { readonly what: string; readonly url: string; readonly xml: string }[]
}

const { valid, invalid } = loadVectors<IndexVectors>('index.json')

/** The form of the vectors: identifiers as text, what is absent left out. */
function plain(index: DrpIndex): unknown {
  return JSON.parse(
    JSON.stringify({
      ...index,
      id: index.id && formatContentIdentifier(index.id),
      files: index.files.map((file) => ({
        ...file,
        id: file.id && formatContentIdentifier(file.id),
        strongId: file.strongId && formatContentIdentifier(file.strongId),
      })),
    }),
  )
}

for (const { name, what, url, xml, names, index } of valid) {
  t.test(`C115: DRP index ${name}: ${what}`, async (t) => {
    const parsed = parseDrpIndex(Buffer.from(xml), { url, ...(names && { names }) })
    t.strictSame(plain(parsed), index)
  })
}

const refused = { code: 'LW_DRP_INDEX' }

for (const { what, url, xml } of invalid) {
  t.test(`S41: a DRP index is refused: ${what}`, async (t) => {
    t.throws(() => parseDrpIndex(Buffer.from(xml), { url }), refused)
  })
}

const url = 'https://example.org/demo/index'

t.test('S41: bytes that are not UTF-8 are refused', async (t) => {
  t.throws(() => parseDrpIndex(Buffer.from('<index>\xff</index>', 'latin1'), { url }), refused)
  t.throws(() => parseDrpIndex(Buffer.from('<index/>', 'utf16le'), { url }), refused)
})

t.test('S41: more bytes or entries than the limits are refused', async (t) => {
  const xml = Buffer.from('<index><file path="a"/><file path="b"/><file path="c"/></index>')
  t.throws(() => parseDrpIndex(xml, { url, bytesMax: 20 }), refused)
  t.throws(() => parseDrpIndex(xml, { url, entriesMax: 2 }), refused)
  t.equal(parseDrpIndex(xml, { url, entriesMax: 3 }).files.length, 3)
})

t.test('S41: an entity bomb and a million levels are refused at once', async (t) => {
  const entity = `<!ENTITY a "${'x'.repeat(1000)}">`
  const bomb = `<!DOCTYPE index [${entity}]><index>${'&a;'.repeat(1000)}</index>`
  t.throws(() => parseDrpIndex(Buffer.from(bomb), { url }), refused)
  const deep = `<index>${'<dir path="d">'.repeat(1_000_000)}`
  t.throws(() => parseDrpIndex(Buffer.from(deep), { url }), refused)
})

t.test('C115: a base on another origin is taken when the caller allows it', async (t) => {
  const xml = Buffer.from('<index base="https://mirror.example/x/"><file path="a"/></index>')
  const index = parseDrpIndex(xml, { url, allowOtherOrigin: true })
  t.equal(index.files[0]?.url, 'https://mirror.example/x/a')
})

function manifestOf(paths: readonly string[]): Manifest {
  const entries = [...paths].sort(comparePaths).map((path) => ({
    type: 'file',
    path,
    size: path.length,
    sha256: digestOf(path),
    mode: '0644',
    mime: 'text/plain',
  }))
  return checkManifest({
    format: 'longwave-manifest-1',
    channel: digestOf('channel'),
    name: 'demo',
    release: 1,
    published: '2026-01-01T00:00:00Z',
    kind: 'files',
    entries,
  })
}

t.test('C115: a manifest as index has every file with its identifier, and URLs', async (t) => {
  const manifest = manifestOf(['a.txt', 'd/b & c.txt', 'd/e/"q".txt'])
  const bytes = await encodeDrpIndex(manifest, { ids: 'sha256', base: 'https://example.org/f/' })
  t.equal(
    Buffer.from(bytes).toString(),
    `<?xml version="1.0" encoding="UTF-8"?>
<index base="https://example.org/f/">
 <file path="a.txt" id="${idOf('a.txt')}" size="5" mime="text/plain"/>
 <dir path="d">
  <file path="b &amp; c.txt" id="${idOf('d/b & c.txt')}" size="11" mime="text/plain"/>
 </dir>
 <dir path="d/e">
  <file path="&quot;q&quot;.txt" id="${idOf('d/e/"q".txt')}" size="11" mime="text/plain"/>
 </dir>
</index>
`,
  )
})

function idOf(content: string): string {
  return formatContentIdentifier(identifierOfDigest(digestOf(content)))
}

t.test('C115: MD5 identifiers come from the caller, SHA-256 stands beside them', async (t) => {
  const manifest = manifestOf(['a'])
  const md5Of = (): string => 'd41d8cd98f00b204e9800998ecf8427e'
  const bytes = await encodeDrpIndex(manifest, { ids: 'md5', md5Of })
  const file = parseDrpIndex(bytes, { url }).files[0]
  t.strictSame(file?.id, parseContentIdentifier('urn:md5:1B2M2Y8AsgTpgAmY7PhCfg=='))
  t.strictSame(file?.strongId, identifierOfDigest(digestOf('a')))
})

t.test(
  'C115: links to files are files, links to folders are left out, empty folders stay',
  async (t) => {
    const file = manifestOf(['d/a']).entries[0]
    const manifest = {
      ...manifestOf([]),
      entries: [
        file,
        { type: 'directory', path: 'empty' },
        { type: 'symlink', path: 'l/file', target: '../d/a' },
        { type: 'symlink', path: 'l/folder', target: '../d' },
      ],
    } as unknown as Manifest
    const index = parseDrpIndex(await encodeDrpIndex(manifest, { ids: 'sha256' }), { url })
    t.strictSame(
      index.files.map(({ path }) => path as string),
      ['d/a', 'l/file'],
    )
    t.strictSame(index.files[1]?.id, identifierOfDigest(digestOf('d/a')))
    t.strictSame(index.emptyDirectories as readonly string[], ['empty'])
  },
)

t.test('C115: a name that XML cannot hold is said, not dropped', async (t) => {
  const manifest = manifestOf(['a\u0001b'])
  await t.rejects(encodeDrpIndex(manifest, { ids: 'sha256' }), { code: 'LW_DRP_INDEX_UNWRITABLE' })
})

t.test('C115: an index that was written parses to the same files', async (t) => {
  const part = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 12 })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 excludes them
    .map((text) => text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff/\\]/g, 'x'))
    .filter((text) => whyNotEntryPath(text) === undefined)
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(path, { maxLength: 12 }), async (paths) => {
      let manifest: Manifest
      try {
        manifest = manifestOf(paths)
      } catch {
        // Random names may collide; a manifest never has such.
        return
      }
      const bytes = await encodeDrpIndex(manifest, { ids: 'sha256' })
      const index = parseDrpIndex(bytes, { url, names: 'any' })
      const byPath = new Map(index.files.map((file) => [file.path as string, file]))
      if (byPath.size !== manifest.entries.length) throw new Error('another number of files')
      for (const entry of manifest.entries) {
        const file = byPath.get(entry.path)
        if (entry.type !== 'file' || file?.size !== entry.size) throw new Error(entry.path)
        if (file.id?.hex !== entry.sha256 || file.mime !== entry.mime) throw new Error(entry.path)
      }
    }),
    { numRuns: 200, seed: 3 },
  )
  t.pass('200 manifests')
})

t.test('S41: 3,000 mutated indexes are refused or parsed, never anything else', async (t) => {
  const base = Buffer.from(valid[0]?.xml ?? '')
  let state = 99
  const random = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return state >>> 8
  }
  let refusals = 0
  for (let i = 0; i < 3000; i++) {
    const xml = Buffer.from(base)
    for (let edits = 1 + (random() % 4); edits > 0; edits--) {
      xml[random() % xml.byteLength] = random() % 128
    }
    try {
      for (const file of parseDrpIndex(xml, { url }).files) {
        if (!file.url.startsWith('https://example.org/')) t.fail(file.url)
      }
    } catch (error) {
      refusals++
      if ((error as { code?: string }).code !== 'LW_DRP_INDEX') throw error
    }
  }
  t.ok(refusals > 500, `${refusals} refused`)
})
