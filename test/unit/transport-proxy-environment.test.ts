import t from 'tap'
import { isLongwaveError } from '../../protocol/index.ts'
import { readProxyEnvironment } from '../../transport/index.ts'

const outside = new URL('http://example.test/a')
const secure = new URL('https://example.test/a')

t.test('empty proxy variables count as unset', async (t) => {
  const choose = readProxyEnvironment({ http_proxy: '', HTTPS_PROXY: '  ', no_proxy: '' })
  t.equal(choose(outside), undefined)
  t.equal(choose(secure), undefined)
  const upper = readProxyEnvironment({ http_proxy: '', HTTP_PROXY: 'http://proxy.test:3128' })
  t.equal(upper(outside)?.origin, 'http://proxy.test:3128')
})

t.test('each scheme has its variable, all_proxy stands in', async (t) => {
  const both = readProxyEnvironment({
    http_proxy: 'http://one.test:1',
    https_proxy: 'two.test:2',
    ALL_PROXY: 'socks5://never.read:3',
  })
  t.equal(both(outside)?.origin, 'http://one.test:1')
  t.equal(both(secure)?.origin, 'http://two.test:2')
  const all = readProxyEnvironment({ all_proxy: 'https://three.test' })
  t.equal(all(secure)?.origin, 'https://three.test')
})

t.test('in a CGI process HTTP_PROXY is not believed', async (t) => {
  const choose = readProxyEnvironment({ HTTP_PROXY: 'http://evil.test', REQUEST_METHOD: 'GET' })
  t.equal(choose(outside), undefined)
})

t.test('credentials travel as Basic, apart from the address', async (t) => {
  const proxy = readProxyEnvironment({ http_proxy: 'http://me:p%40ss@proxy.test:8080' })(outside)
  t.equal(proxy?.origin, 'http://proxy.test:8080')
  t.equal(proxy?.authorization, `Basic ${Buffer.from('me:p@ss').toString('base64')}`)
})

t.test('a proxy variable that is no address is one clear error', async (t) => {
  const wrong = [
    'socks5://a.test:1',
    'http://',
    'http://a.test/path',
    '::::',
    'http://a:%zz@b.test',
  ]
  for (const value of [...wrong, 'x'.repeat(2000)]) {
    try {
      readProxyEnvironment({ http_proxy: value })
      t.fail(`accepted ${value}`)
    } catch (error) {
      t.ok(isLongwaveError(error, 'LW_TRANSFER_PROXY'), value)
      t.match(error, { exit: 2, next: /http_proxy/ })
      t.notMatch(String(error), /%zz|xxx/, 'the value is not repeated')
    }
  }
})

t.test('no_proxy names hosts, domains, ports, addresses and subnets', async (t) => {
  const choose = readProxyEnvironment({
    http_proxy: 'http://proxy.test:1',
    no_proxy: 'a.test, .b.test *.c.test,d.test:81 10.0.0.0/8,[2001:db8::1],192.0.2.7',
  })
  const direct = ['a.test', 'x.a.test', 'b.test', 'x.b.test', 'y.c.test', 'd.test:81']
  const addresses = ['10.1.2.3', '[2001:db8::1]', '192.0.2.7']
  for (const host of [...direct, ...addresses]) {
    t.equal(choose(new URL(`http://${host}/`)), undefined, host)
  }
  for (const host of ['xa.test', 'd.test', 'd.test:82', '11.0.0.1', '192.0.2.70']) {
    t.ok(choose(new URL(`http://${host}/`)), host)
  }
  const none = readProxyEnvironment({ http_proxy: 'http://proxy.test:1', NO_PROXY: '*' })
  t.equal(none(outside), undefined)
})

t.test('loopback never goes through a proxy', async (t) => {
  const choose = readProxyEnvironment({ http_proxy: 'http://proxy.test:1' })
  for (const host of ['localhost', '127.0.0.1:80', '127.9.9.9', '[::1]', 'x.localhost']) {
    t.equal(choose(new URL(`http://${host}/`)), undefined, host)
  }
})
