import t from 'tap'
import { parseBasePath, targetBelow } from '../../gateway/base-path.ts'
import { webServerConfiguration, webServers } from '../../gateway/index.ts'

t.test('C93: a transmitter never takes a whole site, nor a path with two readings', (t) => {
  for (const path of [
    '',
    '/',
    'dl',
    '/a b',
    '/a/../b',
    '/.',
    '/a//b',
    '/%64l',
    '/{x}',
    '/a;b',
    '/a"',
  ]) {
    t.throws(() => parseBasePath(path), { code: 'LW_GATEWAY_PATH' }, path)
  }
  t.equal(parseBasePath('/dl/'), '/dl')
  t.equal(parseBasePath('/files/long.wave'), '/files/long.wave')
  t.end()
})

t.test('C93: only what lies below the path is the transmitter’s', (t) => {
  t.equal(targetBelow('/dl', '/dl'), '/')
  t.equal(targetBelow('/dl', '/dl/'), '/')
  t.equal(targetBelow('/dl', '/dl?x=1'), '/?x=1')
  t.equal(targetBelow('/dl', '/dl/site/objects/a'), '/site/objects/a')
  t.equal(targetBelow('/dl', '/dl//evil.example/'), '//evil.example/')
  t.equal(targetBelow('/dl', '/dlx'), undefined)
  t.equal(targetBelow('/dl', '/'), undefined)
  t.equal(targetBelow('/dl', '/DL/'), undefined)
  t.end()
})

t.test(
  'C93: configurations name the path and the transmitter, and refuse what could break out',
  (t) => {
    for (const server of webServers) {
      const pieces = webServerConfiguration(server, {
        path: '/dl',
        upstream: 'http://127.0.0.1:5282',
      })
      const text = pieces.map((piece) => piece.text).join('')
      t.match(text, /127\.0\.0\.1:5282/)
      t.match(text, /\/dl\//)
      for (const upstream of [
        '127.0.0.1:5282',
        'http://a/b',
        'http://a?x',
        'ftp://a',
        'http://u:p@a',
      ]) {
        t.throws(() => webServerConfiguration(server, { path: '/dl', upstream }), {
          code: 'LW_GATEWAY_UPSTREAM',
        })
      }
    }
    t.end()
  },
)
