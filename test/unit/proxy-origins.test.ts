import fc from 'fast-check'
import t from 'tap'
import { Origins } from '../../proxy/origins.ts'
import { parseTarget } from '../../proxy/targets.ts'

const listed = ['https://dl.example.org', 'http://10.1.2.3:8080/longwave/']

/** Every one of them is some other place, or another way to write one, or no place at all. */
const elsewhere = [
  'http://127.0.0.1',
  'http://127.1',
  'http://localhost',
  'http://LOCALHOST:80',
  'http://0.0.0.0',
  'http://0',
  'http://2130706433',
  'http://0x7f000001',
  'http://0177.0.0.1',
  'http://[::1]',
  'http://[::ffff:127.0.0.1]',
  'http://[::ffff:7f00:1]',
  'http://[0:0:0:0:0:0:0:1]',
  'http://169.254.169.254',
  'http://2852039166',
  'http://[::ffff:169.254.169.254]',
  'http://metadata.google.internal',
  'https://dl.example.org@127.0.0.1',
  'https://user:secret@dl.example.org',
  'https://127.0.0.1#@dl.example.org',
  'https://127.0.0.1?@dl.example.org',
  'https://127.0.0.1\\@dl.example.org',
  'https://dl.example.org.evil.example',
  'https://evil-dl.example.org',
  'https://dl.example.org:8443',
  'http://dl.example.org',
  'HTTPS://DL.EXAMPLE.ORG',
  'https://dl.example.org.',
  'https://dl.example.org%00.evil.example',
  'https://dl.example.org:443',
  'https://dl。example.org',
  'ftp://dl.example.org',
  'file:///etc/passwd',
  'gopher://dl.example.org',
  '//dl.example.org',
  'dl.example.org',
  'http://10.1.2.3:8080',
  'http://10.1.2.3:8080/other',
  'http://10.1.2.3:8080/longwave/../other',
  'http://10.1.2.3:8080/longwave/%2e%2e/other',
  'http://10.1.2.3:8080/longwavex',
  'http://10.1.2.3:8080/longwave//x',
  'http://10.66051:8080/longwave',
  'http://0xa.1.2.3:8080/longwave',
  '',
]

t.test('S56 S57: no other destination is reached, however it is written', (t) => {
  const origins = new Origins(listed)
  for (const url of elsewhere) {
    t.equal(origins.admit(encodeURIComponent(url)), undefined, url)
    const outcome = parseTarget(`/-/via/${encodeURIComponent(url)}/site/update`, origins)
    t.not(outcome.kind, 'target', url)
  }
  t.ok(elsewhere.length >= 30)
  t.end()
})

t.test('C88: listed origins are reached, and what lies below their paths', (t) => {
  const origins = new Origins(listed)
  const admitted = [
    'https://dl.example.org',
    'https://dl.example.org/prefix',
    'http://10.1.2.3:8080/longwave',
    'http://10.1.2.3:8080/longwave/deeper',
  ]
  for (const url of admitted) t.equal(origins.admit(encodeURIComponent(url))?.base, url)
  const outcome = parseTarget(
    `/-/via/${encodeURIComponent('http://10.1.2.3:8080/longwave')}/site/trust/timestamp.json`,
    origins,
  )
  t.match(outcome, {
    kind: 'target',
    target: {
      base: { origin: 'http://10.1.2.3:8080' },
      name: 'site',
      path: '/longwave/site/trust/timestamp.json',
      wanted: { kind: 'poll' },
    },
  })
  t.end()
})

t.test('S57: only what tuners ask for is forwarded', (t) => {
  const origins = new Origins(listed)
  const via = `/-/via/${encodeURIComponent('https://dl.example.org')}`
  const digest = 'a'.repeat(64)
  const unknown = [
    '/site/releases',
    '/site/releases/1/commit',
    '/site',
    '/site/',
    '/-/admin/feedback/site',
    '/-/metrics',
    '/Site/update',
    '/site/../other/update',
    '/site/%2e%2e/update',
    '/site/update?x=1',
    `/site/objects/${digest}/signature`,
    `/site/objects/${digest.toUpperCase()}`,
    '/site/trust/0.root.json',
    '/site/trust/1.mirrors.json',
    '/site/deltas/01..2',
    '/site/files/index.html',
  ]
  for (const path of unknown) t.equal(parseTarget(`${via}${path}`, origins).kind, 'unknown', path)
  t.end()
})

t.test('an entry of the list that is no base URL is refused at the start', (t) => {
  for (const url of [
    '',
    'dl.example.org',
    'ftp://x',
    'http://a/?q',
    'http://u:p@a',
    'http://a/#f',
  ]) {
    t.throws(() => new Origins([url]), { code: 'LW_PROXY_ORIGIN_UNFIT' }, url)
  }
  t.end()
})

t.test('S56: whatever is written, what is admitted lies at a listed origin', (t) => {
  const origins = new Origins(listed)
  fc.assert(
    fc.property(fc.oneof(fc.webUrl(), fc.string(), fc.constantFrom(...elsewhere)), (text) => {
      const base = origins.admit(encodeURIComponent(text.toWellFormed()))
      if (base === undefined) return
      t.ok(['https://dl.example.org', 'http://10.1.2.3:8080'].includes(base.origin))
    }),
    { numRuns: 300 },
  )
  t.pass('nothing else was admitted')
  t.end()
})
