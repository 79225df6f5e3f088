// What a manifest may cost before it is known to be one, and how long a large one keeps others waiting.
import t from 'tap'
import {
  isLongwaveError,
  limits,
  type LongwaveError,
  parseManifest,
  parseManifestInSlices,
} from '../../protocol/index.ts'

const digest = 'a'.repeat(64)
const head = `"channel":"${digest}"`
const tail =
  '"format":"longwave-manifest-1","kind":"files","name":"demo","published":"2026-01-01T00:00:00Z","release":1'
const whole = (entries: string): Buffer => Buffer.from(`{${head},"entries":[${entries}],${tail}}`)
const file = (path: string): string =>
  `{"mime":"text/plain","mode":"0644","path":"${path}","sha256":"${digest}","size":1,"type":"file"}`
const numbered = (count: number): string =>
  Array.from({ length: count }, (_, at) => file(`f${String(at).padStart(7, '0')}`)).join()

function refusalOf(bytes: Uint8Array): LongwaveError | undefined {
  try {
    parseManifest(bytes)
    return undefined
  } catch (error) {
    return isLongwaveError(error) ? error : undefined
  }
}

t.test('S16: what no manifest has is refused before values are made of it', async (t) => {
  const zeros = '0,'.repeat(30_000_000)
  const sprawling = {
    'beside the entries': `{"a":[${zeros}0]}`,
    'as entries': `{"entries":[${zeros}0]}`,
    'within an entry': `{"entries":[[${zeros}0]]}`,
  }
  for (const [where, text] of Object.entries(sprawling)) {
    const bytes = Buffer.from(text)
    const beganMs = performance.now()
    t.equal(refusalOf(bytes)?.code, 'LW_FORMAT_DOCUMENT', where)
    t.ok(performance.now() - beganMs < 1000, `${where}: at once`)
  }
  t.equal(refusalOf(Buffer.from('['.repeat(100_000)))?.code, 'LW_FORMAT_JSON')
  const long = 'x'.repeat(limits.manifestEntryBytesMax)
  t.match(refusalOf(whole(file(long)))?.message, /an entry of more than/)
  const title = Buffer.from(`{"title":"${'x'.repeat(limits.manifestHeadBytesMax)}"}`)
  t.match(refusalOf(title)?.message, /bytes besides its entries/)
})

t.test('parts that are canonical each do not make a whole that is not', async (t) => {
  t.equal(parseManifest(whole('')).entries.length, 0)
  t.equal(parseManifest(whole(numbered(2000))).entries.length, 2000)
  const one = file('a')
  const large = numbered(600)
  const broken = [
    `${one},`,
    `,${one}`,
    `${large},`,
    `${large},,${one}`,
    `${one} `,
    ` ${one}`,
    `${one}}`,
    ',',
    `${one}],"entries":[${one}`,
    `${one},{"path":"b","type":"directory"`,
    `${one}","`,
  ]
  for (const entries of broken) {
    t.equal(refusalOf(whole(entries))?.code, 'LW_FORMAT_JSON', entries.slice(-40))
  }
  const inText = whole('').toString().replace('"kind"', '"description":"{\\"entries\\":[","kind"')
  t.match(refusalOf(Buffer.from(inText)), { code: 'LW_FORMAT_JSON' }, 'members out of order')
  const named = `{"access":"open","category":",\\"entries\\":[",${whole('').toString().slice(1)}`
  t.equal(parseManifest(Buffer.from(named)).category, ',"entries":[', 'a text that looks so')
  const cut = whole(large).subarray(0, 50_000)
  t.equal(refusalOf(cut)?.code, 'LW_FORMAT_JSON')
  const noText = whole(file('\u00e9'))
  noText[noText.indexOf(0xc3) + 1] = 0x28
  t.equal(refusalOf(noText)?.code, 'LW_FORMAT_JSON', 'not UTF-8')
  t.match(refusalOf(whole('1,2'))?.message, /entry .*not an object; entry .*not an object/)
})

t.test('S59: a large manifest leaves the event loop to others between its parts', async (t) => {
  const bytes = whole(numbered(100_000))
  let turns = 0
  const ticking = setInterval(() => turns++, 1)
  const parsing = parseManifestInSlices(bytes)
  const manifest = await parsing
  clearInterval(ticking)
  t.equal(manifest.entries.length, 100_000)
  t.ok(turns >= 5, `${turns} turns in between`)
  await t.rejects(parseManifestInSlices(whole('1')), { code: 'LW_FORMAT_DOCUMENT' })
})
