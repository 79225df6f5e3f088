import t from 'tap'
import { durationSeconds, wholeNumber } from '../../cli/options/index.ts'
import {
  changesText,
  countText,
  createOutput,
  durationText,
  inertText,
  numberText,
  shareText,
  sizeText,
  tableLines,
} from '../../cli/output/index.ts'
import { costLines, staticLines } from '../../cli/publish-lines.ts'
import { printUpdate, updateLines } from '../../cli/tuner-session.ts'
import type { PublishSummary, StaticSummary } from '../../publisher/index.ts'
import type { UpdateResult } from '../../tuner/index.ts'

t.test('what a terminal would obey is shown, and no word from outside begins a line', async (t) => {
  t.equal(inertText('café – 日本 😀'), 'café – 日本 😀')
  t.equal(inertText('a\u001b[2J\u0007b\nok\u009b1m'), 'a\\u001b[2J\\u0007b\\u000aok\\u009b1m')
  t.equal(inertText('gpj.\u202eexe\u2028'), 'gpj.\\u202eexe\\u2028')
  t.equal(inertText('\u{e0041}'), '\\udb40\\udc41', 'beyond the first plane too')
})

t.test('figures for people', async (t) => {
  t.equal(sizeText(999), '999 B')
  t.equal(sizeText(1_536), '1.5 KB')
  t.equal(sizeText(64_000_000), '64 MB')
  t.equal(durationText(12.4), '12 ms')
  t.equal(durationText(4_250), '4.3 s')
  t.equal(durationText(61_000), '1 min 1 s')
  t.equal(shareText(1, 3), '33 %')
  t.equal(shareText(1, 0), '0 %')
  t.equal(shareText(1, 1_000), '0.10 %')
  t.equal(countText(1, 'file'), '1 file')
  t.equal(countText(2_000, 'file'), '2,000 files')
  t.equal(countText(2, 'entry'), '2 entries')
  t.equal(countText(2, 'private key'), '2 private keys')
  for (const value of [0, 7, 999, 1000, 12_345, 1_234_567]) {
    t.equal(numberText(value), value.toLocaleString('en-US'))
  }
  t.equal(changesText({ added: 1200, changed: 0, removed: 3 }), '1,200 added, 0 changed, 3 removed')
  t.strictSame(
    tableLines([
      ['A', 'B'],
      ['long', 'x'],
    ]),
    ['A     B', 'long  x'],
  )
})

t.test('S22: a table has its lines, and a cell from outside begins none', async (t) => {
  const written = t.capture(process.stdout, 'write', () => true)
  createOutput({ json: false, quiet: false }).printTable([
    ['CHANNEL', 'TITLE'],
    ['app', 'one\ntwo'],
  ])
  createOutput({ json: true, quiet: false }).printTable([['CHANNEL']])
  t.strictSame(
    written().map(({ args }) => args[0]),
    ['CHANNEL  TITLE\n', 'app      one\\u000atwo\n'],
  )
})

t.test('values of options are refused with the option and an example', async (t) => {
  t.equal(durationSeconds('--rollout', '24h'), 86_400)
  t.equal(durationSeconds('--rollout', '90'), 90)
  t.throws(() => durationSeconds('--rollout', 'soon'), { code: 'LW_CLI_USAGE', message: /90s/ })
  t.equal(wholeNumber('--count', '7', 1, 10), 7)
  for (const wrong of ['0', '11', '1.5', '-1', '', '1e1']) {
    t.throws(() => wholeNumber('--count', wrong, 1, 10), { code: 'LW_CLI_USAGE' }, wrong)
  }
})

const published = {
  outcome: 'published',
  files: 2,
  bytes: 1000,
  changes: { added: 0, changed: 1, removed: 0 },
  reusedObjects: 1,
  reusedBytes: 900,
  sentObjects: 1,
  sentBytes: 100,
  deltas: 0,
  durationMs: 5,
} as const

t.test(
  'C41: a publish says what its tuners will receive, and what else it would cost',
  async (t) => {
    const tunersLine = (routes: PublishSummary['routes']) =>
      costLines({ ...published, routes } as unknown as PublishSummary).at(-1)
    t.match(tunersLine(undefined), /^ {2}Sent/)
    t.equal(
      tunersLine({ from: 1, bundle: 'making', wholeBytes: 659_000 }),
      '  Tuners     at release 1: a bundle is being made; until it is ready they receive whole files, 659 KB',
    )
    t.equal(
      tunersLine({ from: 1, bundle: 'ready', bundleBytes: 1800, wholeBytes: 659_000 }),
      '  Tuners     at release 1 receive a bundle, 1.8 KB, instead of whole files, 659 KB',
    )
    t.match(
      tunersLine({ from: 1, bundle: 'none', chainBytes: 900, wholeBytes: 2000 }),
      /a chain of bundles, 900 B, instead of whole files, 2\.0 KB/,
    )
    t.match(
      tunersLine({ from: 1, bundle: 'none', wholeBytes: 200 }),
      /whole files, 200 B; no bundle/,
    )
  },
)

t.test('C45: a static publish says where its keys lie, and what it removed', async (t) => {
  const summary = {
    ...published,
    name: 'site',
    release: 4,
    directory: '/www/site',
    writtenObjects: 1,
    writtenBytes: 100,
    bundles: [],
    pruned: { files: 3, bytes: 4000 },
    keysCreated: { publisher: { path: '/keys/p.pem' }, recovery: { path: '/keys/r.pem' } },
    next: [],
  } as unknown as StaticSummary
  const text = staticLines(summary).join('\n')
  t.match(text, /site release 4 is published in \/www\/site/)
  t.match(text, /Removed {4}3 files of old releases, 4\.0 KB/)
  t.match(text, /Keys at {4}publisher \/keys\/p\.pem\n {13}recovery {2}\/keys\/r\.pem/)
  t.match(staticLines({ ...summary, outcome: 'dry-run' })[0], /^Would publish site release 4/)
})

t.test('C18: an update says what came in, by which way, and what the others cost', async (t) => {
  const whole = { kind: 'whole', bytes: 50_000 }
  const bundle = { kind: 'bundle', bytes: 900, steps: [{}] }
  const result = {
    outcome: 'updated',
    subscription: { name: 'app', channel: '' },
    from: 1,
    to: 2,
    changes: { added: 0, changed: 1, removed: 0, unchanged: 2000 },
    bytes: { metadata: 1000, manifest: 0, bundle: 900, objects: 0 },
    route: bundle,
    considered: [bundle, whole],
    durationMs: 20,
  }
  const lines = (more: object) => updateLines({ ...result, ...more } as unknown as UpdateResult)
  t.same(lines({}), [
    'app: release 1 → 2',
    '  Files      0 added, 1 changed, 0 removed, 2,000 unchanged',
    '  Received   1.9 KB, 3.8 % of whole files, 20 ms (metadata 1.0 KB)',
    '  Route      bundle 900 B; instead of whole files 50 KB',
  ])
  const none = { metadata: 0, manifest: 0, bundle: 0, objects: 0 }
  t.match(lines({ bytes: none, route: undefined }).at(-1), /nothing: the release was still here/)
  t.match(lines({ bytes: { ...none, metadata: 500 } }).at(-1), /every file was here already/)
})

t.test('C18: what an update could not do besides is told to people too', async (t) => {
  const notes: string[] = []
  const printed: string[] = []
  const output = {
    ...createOutput({ json: false, quiet: false }),
    print: (line: string) => printed.push(line),
    note: (line: string) => notes.push(line),
  }
  const result = {
    outcome: 'unchanged',
    subscription: { name: 'app', channel: '' },
    to: 2,
    warnings: ['Feedback waits.'],
  }
  printUpdate({ output }, result as unknown as UpdateResult)
  t.strictSame(printed, ['app: release 2 is the newest.'])
  t.strictSame(notes, ['Warning: app: Feedback waits.'])
})
