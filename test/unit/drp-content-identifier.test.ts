import t from 'tap'
import {
  contentIdentifierIn,
  digestOfIdentifier,
  formatContentIdentifier,
  identifierOfDigest,
  judgeReply,
  parseContentIdentifier,
  sameContent,
} from '../../protocol/drp/index.ts'
import { digestOf } from '../../protocol/index.ts'
import { loadVectors } from '../interop/drp/vectors.ts'

const { valid, invalid } = loadVectors<{
  readonly valid: readonly {
    readonly text: string
    readonly algorithm: string
    readonly hex: string
    readonly canonical: string
    readonly what: string
  }[]
  readonly invalid: readonly string[]
}>('content-identifiers.json')

const refused = { code: 'LW_DRP_CONTENT_ID' }

for (const { text, algorithm, hex, canonical, what } of valid) {
  t.test(`C115: content identifier: ${what}`, async (t) => {
    const id = parseContentIdentifier(text)
    t.strictSame({ ...id }, { algorithm, hex })
    t.equal(formatContentIdentifier(id), canonical)
    t.ok(sameContent(id, parseContentIdentifier(canonical)))
  })
}

t.test('C115: what is not a content identifier is refused', async (t) => {
  for (const text of [...invalid, 'urn:md5:'.padEnd(10_000, 'A')]) {
    t.throws(() => parseContentIdentifier(text), refused, text.slice(0, 60))
  }
})

t.test('S18: only SHA-256 gives a digest to trust', async (t) => {
  const digest = digestOf('hello')
  t.equal(digestOfIdentifier(identifierOfDigest(digest)), digest)
  t.equal(digestOfIdentifier(parseContentIdentifier('urn:md5:XUFAKrxLKna5cZ2REBfFkg==')), undefined)
})

t.test('C115: Content-ID as field: absent, MIME, ours, malformed', async (t) => {
  t.equal(contentIdentifierIn({}, 'content-id'), undefined)
  t.equal(contentIdentifierIn({ 'content-id': '<a@b>' }, 'content-id'), undefined)
  const ours = contentIdentifierIn(
    { 'content-id': ' urn:md5:XUFAKrxLKna5cZ2REBfFkg== ' },
    'content-id',
  )
  t.equal(ours?.algorithm, 'md5')
  t.throws(() => contentIdentifierIn({ 'content-id': '' }, 'content-id'), refused)
  t.throws(() => contentIdentifierIn({ 'content-id': ['urn:md5:x', 'y'] }, 'content-id'), refused)
})

t.test('C115: a client applies a difference only when the reply repeats its base', async (t) => {
  const wanted = identifierOfDigest(digestOf('new'))
  const base = identifierOfDigest(digestOf('old'))
  const other = formatContentIdentifier(identifierOfDigest(digestOf('other')))
  const content = { 'content-id': formatContentIdentifier(wanted) }
  const gdiff = { 'content-type': 'application/gdiff' }
  const from = { 'differential-id': formatContentIdentifier(base) }
  const kind = (headers: Record<string, string>): string =>
    judgeReply({ wanted, base }, headers).kind
  t.equal(kind({ ...content, ...gdiff, ...from }), 'patch')
  t.equal(kind({ ...content, 'content-type': 'Application/GDIFF; x=y', ...from }), 'patch')
  t.equal(kind({ ...content, ...gdiff }), 'whole', 'a .gdiff file is a file like any other')
  t.equal(kind({ ...content, ...gdiff, 'differential-id': other }), 'discard')
  t.equal(kind({ ...content, 'content-type': 'text/html', ...from }), 'discard')
  t.equal(kind({ 'content-id': other, 'content-type': 'text/html' }), 'discard')
  t.equal(kind({ 'content-type': 'text/html' }), 'whole', 'a server that knows no DRP')
  const unknown = judgeReply({ wanted: undefined, base }, { ...content, ...gdiff, ...from })
  t.strictSame(unknown, { kind: 'patch', result: wanted }, 'the reply names the current version')
  t.equal(judgeReply({ wanted, base: undefined }, { ...gdiff, ...from }).kind, 'discard')
})
