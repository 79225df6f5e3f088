import fc from 'fast-check'
import t from 'tap'
import { cleanText, parseContentRange, parseRetryAfter } from '../../transport/index.ts'
import { requestHeaders } from '../../transport/request-headers.ts'

t.test('Retry-After is read as seconds or as an HTTP date, and capped at a day', async (t) => {
  const now = Date.parse('2026-03-01T12:00:00Z')
  t.equal(parseRetryAfter('120', now), 120)
  t.equal(parseRetryAfter(' 0 ', now), 0)
  t.equal(parseRetryAfter('9999999999', now), 86_400)
  t.equal(parseRetryAfter('Sun, 01 Mar 2026 12:01:00 GMT', now), 60)
  t.equal(parseRetryAfter('Sun, 01 Mar 2026 11:00:00 GMT', now), 0)
  t.equal(parseRetryAfter('Fri, 01 Mar 2126 11:00:00 GMT', now), 86_400)
})

t.test('a malformed Retry-After counts as absent', async (t) => {
  for (const value of [undefined, '', '-1', '1.5', '1e9', 'soon', '12345678901', 'Mon, 01']) {
    t.equal(parseRetryAfter(value, 0), undefined, String(value))
  }
})

t.test('Content-Range is read strictly', async (t) => {
  t.same(parseContentRange('bytes 0-9/100'), { kind: 'part', first: 0, last: 9, total: 100 })
  t.same(parseContentRange('bytes 5-9/*'), { kind: 'part', first: 5, last: 9, total: undefined })
  t.same(parseContentRange('bytes */7'), { kind: 'unsatisfied', total: 7 })
  const wrong = ['', 'bytes 9-0/10', 'bytes 0-10/10', 'bytes=0-1/2', 'bytes 0-1', 'lines 0-1/2']
  const absurd = ['bytes -1-2/3', 'bytes 0-1/2, bytes 3-4/5', 'bytes 0-9999999999999999/*']
  for (const value of [undefined, ...wrong, ...absurd]) {
    t.equal(parseContentRange(value), undefined, String(value))
  }
})

t.test('what Content-Range writes is what is read, for any part', async (t) => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.nat(), (first, length, rest) => {
      const last = first + length
      const total = last + 1 + rest
      const read = parseContentRange(`bytes ${first}-${last}/${total}`)
      t.same(read, { kind: 'part', first, last, total })
    }),
    { numRuns: 100 },
  )
})

t.test("S24: a server's words are cleaned before anybody sees them", async (t) => {
  t.equal(cleanText('all \u001b[31mred\u001b[0m\r\n\u202egnp'), 'all [31mred [0m gnp')
  t.equal(cleanText('x'.repeat(10_000)).length, 501)
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 700 }), (text) => {
      t.notMatch(cleanText(text), /[\p{Cc}\p{Cf}]/u)
    }),
    { numRuns: 100 },
  )
})

t.test('header fields that change framing or route are a programmer’s mistake', async (t) => {
  t.same(requestHeaders({ headers: { 'X-A': 'b' }, authorization: 'Bearer t' }), {
    'x-a': 'b',
    authorization: 'Bearer t',
  })
  for (const name of ['Host', 'transfer-encoding', 'Connection', 'Accept-Encoding', 'a b', '']) {
    t.throws(() => requestHeaders({ headers: { [name]: 'x' } }), TypeError, name)
  }
  t.throws(() => requestHeaders({ headers: { a: 'b\r\nc: d' } }), TypeError)
  t.throws(() => requestHeaders({ authorization: 'Bearer \n' }), TypeError)
})
