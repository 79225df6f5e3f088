import fc from 'fast-check'
import t from 'tap'
import {
  type BareItem,
  formatDictionary,
  formatList,
  formatMember,
  type Item,
  isInnerList,
  type Member,
  parseDictionary,
  parseItem,
  parseList,
} from '../../protocol/http-fields/index.ts'

function bareValueOf(text: string): unknown {
  const item = parseItem(text)?.item
  return item?.kind === 'bytes' ? Buffer.from(item.value).toString('hex') : item?.value
}

t.test('C115: bare items of RFC 9651 3.3', async (t) => {
  t.equal(bareValueOf('42'), 42)
  t.equal(bareValueOf('-999999999999999'), -999_999_999_999_999)
  t.equal(bareValueOf('4.5'), 4.5)
  t.equal(bareValueOf('-0.125'), -0.125)
  t.equal(bareValueOf(String.raw`"a \"b\" \\ c"`), 'a "b" \\ c')
  t.equal(bareValueOf('foo123/456'), 'foo123/456')
  t.equal(bareValueOf('*a:b'), '*a:b')
  t.equal(bareValueOf(':aGVsbG8=:'), Buffer.from('hello').toString('hex'))
  t.equal(bareValueOf(':aGVsbG8:'), Buffer.from('hello').toString('hex'), 'padding may be missing')
  t.equal(bareValueOf('::'), '')
  t.equal(bareValueOf('?1'), true)
  t.equal(bareValueOf('?0'), false)
  t.equal(bareValueOf('@1659578233'), 1_659_578_233)
  t.equal(bareValueOf('%"f%c3%bc"'), 'fü')
  t.equal(bareValueOf('  42  '), 42)
})

t.test('C115: malformed items are ignored as a whole', async (t) => {
  const texts = [
    '',
    '42,',
    '1000000000000000',
    '1.',
    '.5',
    '1.2345',
    '1234567890123.0',
    '--1',
    '"open',
    '"a\u0001"',
    String.raw`"\x"`,
    ':a:',
    ':a_b=:',
    ':aGVsbG8=',
    '?2',
    '@1.5',
    '%"%zz"',
    '%"%ff"',
    '42 43',
    'a;',
    'a;B=1',
    '\t42',
  ]
  for (const text of texts) t.equal(parseItem(text), undefined, JSON.stringify(text))
})

t.test('C115: dictionaries and lists of RFC 9651 3.1 and 3.2', async (t) => {
  const dictionary = parseDictionary('a=?0, b, c; foo=bar,  d=(1 2);x, a=5')
  t.strictSame([...(dictionary?.keys() ?? [])], ['b', 'c', 'd', 'a'], 'the last of two counts')
  t.equal(dictionary && formatDictionary(dictionary), 'b, c;foo=bar, d=(1 2);x, a=5')
  t.equal(parseDictionary('')?.size, 0)
  for (const text of ['a=1,', 'a=1 b=2', 'A=1', 'a=', 'a==1', ',', 'a=(1', 'a=(1"b")']) {
    t.equal(parseDictionary(text), undefined, text)
  }
  const list = parseList('sugar, tea, ("foo" "bar"), ()')
  t.equal(list && formatList(list), 'sugar, tea, ("foo" "bar"), ()')
  t.equal(parseList('a,,b'), undefined)
})

t.test('S59: long and numerous members are refused quickly', async (t) => {
  t.equal(parseList(Array.from({ length: 300 }, () => 'a').join(',')), undefined)
  t.equal(parseItem(`a${';b'.repeat(300)}`), undefined)
  t.equal(parseItem(`"${'a'.repeat(20_000)}"`), undefined)
  t.equal(parseItem(`"${'\\"'.repeat(8000)}`), undefined)
})

t.test('C115: what a structured field cannot say is a programmer mistake', async (t) => {
  const bad: BareItem[] = [
    { kind: 'integer', value: 0.5 },
    { kind: 'integer', value: 1e15 },
    { kind: 'decimal', value: 1e12 },
    { kind: 'string', value: 'ü' },
    { kind: 'token', value: 'a b' },
    { kind: 'display-string', value: '\ud800' },
  ]
  for (const item of bad) {
    t.throws(() => formatMember({ item, parameters: new Map() }), TypeError, item.kind)
  }
  const member: Member = { item: { kind: 'boolean', value: true }, parameters: new Map() }
  t.throws(() => formatDictionary(new Map([['Key', member]])), TypeError)
})

const bare: fc.Arbitrary<BareItem> = fc.oneof(
  fc.integer().map((value) => ({ kind: 'integer' as const, value })),
  fc.integer({ min: -1e9, max: 1e9 }).map((n) => ({ kind: 'decimal' as const, value: n / 1000 })),
  fc.string({ unit: 'grapheme-ascii' }).map((value) => ({ kind: 'string' as const, value })),
  fc
    .stringMatching(/^[A-Za-z*][A-Za-z0-9:/!#.-]{0,9}$/)
    .map((value) => ({ kind: 'token' as const, value })),
  fc.uint8Array().map((value) => ({ kind: 'bytes' as const, value })),
  fc.boolean().map((value) => ({ kind: 'boolean' as const, value })),
  fc.integer().map((value) => ({ kind: 'date' as const, value })),
  fc
    .string({ unit: 'grapheme-composite' })
    .map((value) => ({ kind: 'display-string' as const, value })),
)
const key = fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,6}$/)
const parameters = fc
  .array(fc.tuple(key, bare), { maxLength: 3 })
  .map((pairs) => new Map<string, BareItem>(pairs))
const item: fc.Arbitrary<Item> = fc.record({ item: bare, parameters })
const member: fc.Arbitrary<Member> = fc.oneof(
  item,
  fc.record({ items: fc.array(item, { maxLength: 3 }), parameters }),
)

t.test('C115: what is written parses to the same values', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(key, member), { maxLength: 5 }), (pairs) => {
      const text = formatDictionary(new Map(pairs))
      const again = parseDictionary(text)
      if (again === undefined || formatDictionary(again) !== text) throw new Error(text)
    }),
    { numRuns: 500, seed: 4 },
  )
  fc.assert(
    fc.property(fc.array(member, { maxLength: 5 }), (members) => {
      const text = formatList(members)
      const again = parseList(text)
      if (again === undefined || formatList(again) !== text) throw new Error(text)
      return again.every((one, i) => isInnerList(one) === isInnerList(members[i] as Member))
    }),
    { numRuns: 500, seed: 5 },
  )
  t.pass('1,000 values')
})
