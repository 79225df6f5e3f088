import type { IncomingMessage, ServerResponse } from 'node:http'
import fc from 'fast-check'
import t from 'tap'
import {
  HotRoutes,
  matchHolds,
  noneMatchHolds,
  ObjectMemory,
  parseByteRange,
  parseListenAddress,
  urlOfListener,
} from '../../serving/index.ts'
import { readHotHeaders } from '../../serving/raw-headers.ts'
import { ownTarget, whyRefuseTarget } from '../../serving/request-target.ts'

t.test('Range: one part from a start, to an end, or of the last bytes', async (t) => {
  t.same(parseByteRange(undefined, 10), { kind: 'whole' })
  t.same(parseByteRange('bytes=0-4', 10), { kind: 'part', first: 0, last: 4 })
  t.same(parseByteRange('bytes=5-', 10), { kind: 'part', first: 5, last: 9 })
  t.same(parseByteRange('bytes=5-99', 10), { kind: 'part', first: 5, last: 9 })
  t.same(parseByteRange('bytes=-3', 10), { kind: 'part', first: 7, last: 9 })
  t.same(parseByteRange('bytes=-99', 10), { kind: 'part', first: 0, last: 9 })
  for (const header of ['bytes=10-', 'bytes=99-100', 'bytes=-0']) {
    t.same(parseByteRange(header, 10), { kind: 'unsatisfiable' }, header)
  }
  t.same(parseByteRange('bytes=0-', 0), { kind: 'unsatisfiable' })
  const ignored = ['bytes=-', 'bytes=4-1', 'bytes=0-1,3-4', 'lines=0-1', 'bytes 0-1', 'bytes=a-b']
  for (const header of [...ignored, `bytes=${'9'.repeat(17)}-`]) {
    t.same(parseByteRange(header, 10), { kind: 'whole' }, header)
  }
})

t.test('Range: whatever is asked for, a part lies inside the body', async (t) => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 20 }),
      fc.nat(1000),
      fc.nat(1000),
      fc.nat(),
      (s, a, b, n) => {
        for (const header of [`bytes=${s}`, `bytes=${a}-${b}`, `bytes=${a}-`, `bytes=-${b}`]) {
          const range = parseByteRange(header, n)
          const inside = range.kind !== 'part' || (range.first <= range.last && range.last < n)
          if (!inside || (range.kind === 'part' && range.first < 0)) t.fail(`${header} of ${n}`)
        }
      },
    ),
    { numRuns: 300 },
  )
  t.pass('300 runs')
})

t.test(
  'entity tags: lists and weak ones for If-None-Match, strong ones for If-Match',
  async (t) => {
    for (const header of ['"a"', 'W/"a"', '"b", "a"', '"b",W/"a"', '*']) {
      t.ok(noneMatchHolds(header, '"a"'), header)
    }
    for (const header of ['"b"', 'a', '""', '', 'W/"b"', '"a']) {
      t.notOk(noneMatchHolds(header, '"a"'), header)
    }
    t.ok(matchHolds('"b", "a"', '"a"'))
    t.ok(matchHolds('*', '"a"'))
    t.notOk(matchHolds('W/"a"', '"a"'))
  },
)

t.test('S69: targets that climb, hide or leave are refused before any route', async (t) => {
  const climbing = ['/../a', '/a/..', '/a/../b', '/..', '/.', '/a/./b', '/%2e%2e/a', '/%2E./a']
  const encoded = ['/a/.%2e', '/a/%2e%2e%2fb', '/a%2f..%2fb', '/..;/a', '/..;x=y/a', '/a/..%3b/b']
  const spaced = ['/..%20/a', '/%20../a', '/..%09/a', '/a/%2e%2e']
  for (const target of [...climbing, ...encoded, ...spaced]) {
    t.ok(whyRefuseTarget(target), target)
  }
  const malformed = [
    '/a\\b',
    '/..\\..\\a',
    '/a%5cb',
    '/%5c..%5ca',
    '/a%00',
    '/%00/a',
    '/a%',
    '/%zz',
  ]
  const bytes = ['/a%0d%0ab', '/a%7f', '/a%c0%ae', '/a%c0%af..', '/a%e0%80%af', '/a b', '/a#b']
  for (const target of [...malformed, ...bytes, `/${'x'.repeat(9000)}`, '/\u00e9', '/a\tb']) {
    t.equal(whyRefuseTarget(target), 'malformed', target)
  }
  for (const target of ['http://evil.test/', 'evil.test:443', '', 'a/b', '?a']) {
    t.equal(whyRefuseTarget(target), 'elsewhere', target)
  }
  // In origin form two slashes begin no authority: it is a path that no route has.
  t.equal(whyRefuseTarget('//evil.test/'), 'nowhere')
  t.equal(whyRefuseTarget('//../a'), 'climbing')
  t.equal(whyRefuseTarget('*', 'GET'), 'malformed')
  t.equal(whyRefuseTarget('*', 'OPTIONS'), 'nowhere')
})

t.test('S69: honest targets pass', async (t) => {
  const plain = ['/', '/*', '/a/b', '/a?b=../c', '/a.b/..c/...', '/%20a', '/%252e%252e/a']
  const proxied = ['/-/via/https%3A%2F%2Fhost%3A8443/NAME', '/a%2fb', '/%C3%A9', '/a;b=c', "/a'b"]
  for (const target of [...plain, ...proxied]) {
    t.equal(whyRefuseTarget(target), undefined, target)
  }
})

t.test('an absolute target of this very server is the path that it ends with', async (t) => {
  const own = [
    ['http://host:8080/a?b', 'host:8080', '/a?b'],
    ['HTTP://Host/a', 'hOST', '/a'],
    ['http://host:80/a', 'host', '/a'],
    ['https://host/a', 'host:443', '/a'],
    ['http://[::1]:1/a', '[::1]:1', '/a'],
    ['http://host', 'host', '/'],
    ['http://host?q', 'host', '/?q'],
  ] as const
  for (const [target, host, path] of own) t.equal(ownTarget(target, host), path, target)
  const others = [
    ['http://evil.test/a', 'host'],
    ['http://host:81/a', 'host'],
    ['http://user@host/a', 'host'],
    ['http://host/a', undefined],
    ['ftp://host/a', 'host'],
    ['http:///a', ''],
    ['/a', 'host'],
    ['*', 'host'],
  ] as const
  for (const [target, host] of others) t.equal(ownTarget(target, host), target, target)
})

function requestOf(method: string, url: string, fields: string[] = []): IncomingMessage {
  const rawHeaders = ['Host', 'a', ...fields]
  return { method, url, rawHeaders, httpVersionMinor: 1 } as unknown as IncomingMessage
}
const response = {} as ServerResponse

t.test('hot routes take exact GET and HEAD requests without a body, nothing else', async (t) => {
  const hot = new HotRoutes()
  const taken: string[] = []
  hot.set('/a', (request) => {
    taken.push(`${request.method} ${request.url}`)
    return true
  })
  hot.set('/declines', () => false)
  hot.addMatcher((path) => {
    if (!path.startsWith('/objects/')) return undefined
    return (request) => {
      taken.push(`object ${request.url}`)
      return true
    }
  })
  t.ok(hot.handle(requestOf('GET', '/a'), response))
  t.ok(hot.handle(requestOf('HEAD', '/a'), response))
  t.ok(hot.handle(requestOf('GET', '/objects/1'), response))
  t.same(taken, ['GET /a', 'HEAD /a', 'object /objects/1'])
  const declined = [
    requestOf('GET', '/declines'),
    requestOf('GET', '/a?b'),
    requestOf('GET', '/a/'),
    requestOf('GET', '/A'),
    requestOf('GET', 'http://x/a'),
    requestOf('POST', '/a'),
    requestOf('GET', '/a', ['Content-Length', '5']),
    requestOf('GET', '/a', ['transfer-ENCODING', 'chunked']),
    requestOf('GET', '/a', ['HOST', 'b']),
    { ...requestOf('GET', '/a'), rawHeaders: [] } as unknown as IncomingMessage,
    requestOf('GET', '/b'),
  ]
  for (const request of declined) {
    t.notOk(hot.handle(request, response), `${request.method} ${request.url}`)
  }
  t.ok(hot.delete('/a'))
  t.notOk(hot.handle(requestOf('GET', '/a'), response))
  t.throws(() => hot.set('a', () => true), TypeError)
})

t.test('the fields of a hot request are read whatever their case', async (t) => {
  const raw = ['IF-NONE-MATCH', '"a"', 'Range', 'bytes=0-', 'if-range', '"b"', 'If-Match', '*']
  t.match(readHotHeaders(requestOf('GET', '/', [...raw, 'if-none-match', '"c"'])), {
    ifNoneMatch: '"a", "c"',
    range: 'bytes=0-',
    ifRange: '"b"',
    ifMatch: '*',
    hasBody: false,
  })
  t.equal(readHotHeaders(requestOf('GET', '/', ['Content-Length', '0'])).hasBody, false)
  const twice = ['Range', 'bytes=0-', 'range', 'bytes=5-']
  t.equal(readHotHeaders(requestOf('GET', '/', twice)).range, undefined)
  t.equal(readHotHeaders(requestOf('GET', '/', [...twice, 'RANGE', 'a'])).range, undefined)
})

t.test('objects in memory stay within their budget; the longest unused goes first', async (t) => {
  const memory = new ObjectMemory({ budgetBytes: 100, objectBytesMax: 50 })
  const object = (bytes: number) => ({ bytes: Buffer.alloc(bytes) })
  memory.set('a', object(40))
  memory.set('b', object(40))
  t.ok(memory.get('a'))
  memory.set('c', object(40))
  t.equal(memory.get('b'), undefined)
  t.equal(memory.bytes, 80)
  memory.set('large', object(51))
  t.equal(memory.get('large'), undefined)
  t.notOk(memory.takes(51))
  memory.set('a', object(10))
  t.equal(memory.bytes, 50, 'a replaced object is counted once')
  t.ok(memory.delete('a'))
  t.notOk(memory.delete('a'))
  t.equal(memory.size, 1)
})

t.test('objects in memory: the counted bytes are the kept ones, whatever happens', async (t) => {
  const command = fc.record({ key: fc.nat(9), bytes: fc.nat(60), drop: fc.boolean() })
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const memory = new ObjectMemory({ budgetBytes: 100, objectBytesMax: 50 })
      for (const { key, bytes, drop } of commands) {
        if (drop) memory.delete(String(key))
        else memory.set(String(key), { bytes: Buffer.alloc(bytes) })
        const kept = Array.from({ length: 10 }, (_, at) => memory.get(String(at)))
        const sum = kept.reduce((total, one) => total + (one?.bytes.byteLength ?? 0), 0)
        if (sum !== memory.bytes || sum > 100) t.fail(`${sum} kept, ${memory.bytes} counted`)
      }
    }),
    { numRuns: 100 },
  )
  t.pass('100 runs')
})

t.test('listen addresses are read, and shown as a URL that works', async (t) => {
  t.same(parseListenAddress('0.0.0.0:80'), { host: '0.0.0.0', port: 80 })
  t.same(parseListenAddress(':0'), { host: '127.0.0.1', port: 0 })
  t.same(parseListenAddress('8080', '::'), { host: '::', port: 8080 })
  t.same(parseListenAddress('[::1]:81'), { host: '::1', port: 81 })
  for (const text of ['', 'a', 'a:b', 'a:65536', '::1:80', 'http://a:1', 'a:1/', 'a b:1']) {
    t.throws(() => parseListenAddress(text), { code: 'LW_SERVE_ADDRESS', exit: 2 }, text)
  }
  t.equal(urlOfListener({ address: '0.0.0.0', port: 1 }, false), 'http://127.0.0.1:1')
  t.equal(urlOfListener({ address: '::', port: 2 }, true), 'https://[::1]:2')
})
