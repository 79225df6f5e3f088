import t from 'tap'
import { findProxy } from '../../tuner/operations/find-proxy.ts'
import { memoryTransport } from '../support/memory-transport.ts'

const health = 'http://longwave-proxy:5283/-/health'

function siteWith(answer: string | undefined) {
  const pages = new Map<string, Uint8Array>()
  if (answer !== undefined) pages.set(health, Buffer.from(answer))
  return { transport: memoryTransport(pages) }
}

t.test('C88: a site that has a proxy is found to have one', async (t) => {
  const found = await findProxy(siteWith('{"status":"ok","service":"proxy"}'))
  t.equal(found, 'http://longwave-proxy:5283')
})

t.test('C88: what is no proxy is none', async (t) => {
  for (const answer of [undefined, '{"service":"transmitter"}', '<html>', 'null', '']) {
    await t.rejects(findProxy(siteWith(answer)), { code: 'LW_TUNER_NO_PROXY' })
  }
})
