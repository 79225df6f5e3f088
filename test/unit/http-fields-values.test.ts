import t from 'tap'
import {
  acceptsManipulation,
  fieldValue,
  formatContentRange,
  formatDictionaryId,
  formatDigestField,
  formatDigestItem,
  formatEntityTag,
  formatUnsatisfiedRange,
  formatUseAsDictionary,
  matchesStrongly,
  matchesWeakly,
  parseAppliedManipulations,
  parseContentRange,
  parseDictionaryId,
  parseDigestField,
  parseDigestItem,
  parseEntityTag,
  parseEntityTags,
  parseHttpDate,
  parseIfRange,
  parseUseAsDictionary,
  parseWantedDigest,
  parseWeightedTokens,
  resolveRange,
  weightOf,
} from '../../protocol/http-fields/index.ts'
import { digestOf } from '../../protocol/index.ts'

t.test('C115: digests as in RFC 9530 appendix A', async (t) => {
  const digest = digestOf('{"hello": "world"}')
  const field = 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:'
  t.equal(formatDigestField(digest), field)
  t.equal(parseDigestField(`sha-512=:AAAA:, ${field}`), digest)
  for (const text of [
    '',
    'sha-256=1',
    'sha-256=:AAAA:',
    'md5=:AAAA:',
    'sha-256=(1)',
    field.slice(1),
  ]) {
    t.equal(parseDigestField(text.replace('ha-', 'x-')), undefined, text)
  }
  t.equal(parseWantedDigest('sha-512=3, sha-256=10, unixsum=0'), 10)
  t.equal(parseWantedDigest('sha-512=3'), undefined)
  t.equal(parseWantedDigest('sha-256=11'), undefined)
})

t.test('C115: Available-Dictionary is one SHA-256', async (t) => {
  const text = ':pZGm1Av0IEBKARczz7exkNYsZb8LzaMrV7J32a2fFG4=:'
  const digest = parseDigestItem(text)
  t.equal(digest, 'a591a6d40bf420404a011733cfb7b190d62c65bf0bcda32b57b277d9ad9f146e')
  t.equal(digest && formatDigestItem(digest), text)
  t.equal(parseDigestItem(':aGVsbG8=:'), undefined)
  t.equal(parseDigestItem(`${text}, ${text}`), undefined)
})

t.test('C115: Use-As-Dictionary and Dictionary-ID of RFC 9842 2.1 and 2.3', async (t) => {
  const text = 'match="/app/*/main.js", match-dest=("script" "style"), id="dictionary-12345"'
  const use = parseUseAsDictionary(text)
  t.strictSame(use, {
    match: '/app/*/main.js',
    matchDest: ['script', 'style'],
    id: 'dictionary-12345',
  })
  t.equal(use && formatUseAsDictionary(use), text)
  t.equal(formatUseAsDictionary({ match: '/a' }), 'match="/a"')
  t.strictSame(parseUseAsDictionary('match="/a", type=raw')?.matchDest, [])
  const refused = [
    'id="x"',
    'match=1',
    'match="/a", type=zip',
    'match="/a", id=3',
    'match="/a", match-dest="script"',
    `match="/a", id="${'x'.repeat(1025)}"`,
  ]
  for (const one of refused) t.equal(parseUseAsDictionary(one), undefined, one.slice(0, 60))
  t.equal(parseDictionaryId(formatDictionaryId('a "quoted" one')), 'a "quoted" one')
  t.equal(parseDictionaryId('token'), undefined)
})

t.test('C115: entity tags of RFC 9110 8.8.3', async (t) => {
  t.strictSame(parseEntityTags('"a", W/"b" ,, "c,d"'), [
    { weak: false, opaque: 'a' },
    { weak: true, opaque: 'b' },
    { weak: false, opaque: 'c,d' },
  ])
  t.equal(parseEntityTags('*'), '*')
  for (const text of ['', ',', 'a', '"a" "b"', '"a', 'w/"a"', '"a"b', '"a b"', '*, "a"']) {
    t.equal(parseEntityTags(text), undefined, text)
  }
  const [strong, weak] = [parseEntityTag('"a"'), parseEntityTag('W/"a"')]
  t.ok(strong)
  t.ok(weak)
  if (strong === undefined || weak === undefined) return
  t.equal(formatEntityTag(weak), 'W/"a"')
  t.ok(matchesWeakly(strong, weak))
  t.notOk(matchesStrongly(strong, weak))
  t.notOk(matchesStrongly(weak, weak))
  t.ok(matchesStrongly(strong, strong))
  t.equal(parseEntityTag('"a", "b"'), undefined)
  t.throws(() => formatEntityTag({ weak: false, opaque: '"' }), TypeError)
})

t.test('C115: ranges of RFC 9110 14.1.2', async (t) => {
  const ranges = (text: string, size = 1000): unknown => {
    const outcome = resolveRange(text, size)
    return outcome.kind === 'ranges' ? outcome.ranges.map((r) => [r.first, r.last]) : outcome.kind
  }
  t.strictSame(ranges('bytes=0-499'), [[0, 499]])
  t.strictSame(ranges('bytes=500-'), [[500, 999]])
  t.strictSame(ranges('bytes=-300'), [[700, 999]])
  t.strictSame(ranges('bytes=-3000'), [[0, 999]])
  t.strictSame(ranges('bytes=900-5000'), [[900, 999]])
  t.strictSame(ranges('Bytes = 0-0, -1'), [
    [0, 0],
    [999, 999],
  ])
  t.strictSame(ranges('bytes=0-0, 1000-'), [[0, 0]], 'what lies outside is left out')
  for (const text of ['bytes=1000-', 'bytes=-0', 'bytes=1000-2000, -0']) {
    t.equal(ranges(text), 'unsatisfiable', text)
  }
  t.equal(ranges('bytes=0-', 0), 'unsatisfiable')
  const malformed = ['', 'bytes', 'bytes=', 'bytes=-', 'bytes=a-b', 'bytes=5-4', 'lines=1-2', '0-1']
  for (const text of [...malformed, `bytes=${'0-1,'.repeat(40)}`]) {
    t.equal(ranges(text), 'none', text.slice(0, 20))
  }
  t.equal(formatContentRange({ first: 0, last: 499 }, 1234), 'bytes 0-499/1234')
  t.equal(formatUnsatisfiedRange(1234), 'bytes */1234')
})

t.test('C115: Content-Range as a client reads it', async (t) => {
  t.strictSame(parseContentRange('bytes 0-499/1234'), { first: 0, last: 499, size: 1234 })
  t.strictSame(parseContentRange('bytes 5-5/*'), { first: 5, last: 5, size: undefined })
  for (const text of [
    'bytes */1234',
    'bytes 5-4/10',
    'bytes 0-10/10',
    'bytes 0-9999999999999999/*',
  ]) {
    t.equal(parseContentRange(text), undefined, text)
  }
})

t.test('C115: If-Range is a tag or a date', async (t) => {
  t.strictSame(parseIfRange('"a"'), { kind: 'tag', tag: { weak: false, opaque: 'a' } })
  t.strictSame(parseIfRange('Tue, 20 Apr 2021 02:07:55 GMT'), {
    kind: 'date',
    atMs: 1_618_884_475_000,
  })
  t.equal(parseIfRange('"a", "b"'), undefined)
  t.equal(parseHttpDate('Mon, 20 Apr 2021 02:07:55 GMT'), undefined, 'the wrong week day')
  t.equal(parseHttpDate('Wed, 31 Jun 2021 02:07:55 GMT'), undefined)
})

t.test('C115: weights of Accept-Encoding and A-IM', async (t) => {
  const tokens = parseWeightedTokens('gzip;q=0.5, br, *;q=0.1, dcz; q=0')
  t.equal(weightOf(tokens, 'gzip'), 0.5)
  t.equal(weightOf(tokens, 'br'), 1)
  t.equal(weightOf(tokens, 'dcz'), 0)
  t.equal(weightOf(tokens, 'zstd'), 0.1)
  t.equal(weightOf(undefined, 'br'), 0)
  t.equal(parseWeightedTokens('br;q=2'), undefined)
  t.equal(parseWeightedTokens('b r'), undefined)
  t.ok(acceptsManipulation('vcdiff, GDIFF;q=0.3', 'gdiff'))
  t.notOk(acceptsManipulation('*', 'gdiff'), 'A-IM has no wildcard')
  t.notOk(acceptsManipulation('gdiff;q=0', 'gdiff'))
  t.notOk(acceptsManipulation(undefined, 'gdiff'))
  t.strictSame(parseAppliedManipulations('gdiff, gzip'), ['gdiff', 'gzip'])
  t.equal(parseAppliedManipulations('gdiff gzip'), undefined)
})

t.test('C115: fields of several lines are joined, endless ones not read', async (t) => {
  t.equal(fieldValue({ 'a-im': ['gdiff', 'gzip '] }, 'a-im'), 'gdiff, gzip')
  t.equal(fieldValue({}, 'a-im'), undefined)
  t.equal(fieldValue({ 'a-im': 'x'.repeat(20_000) }, 'a-im'), undefined)
})
