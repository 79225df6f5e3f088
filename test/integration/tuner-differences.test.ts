import t from 'tap'
import type { Transport } from '../../transport/index.ts'
import { openTunerStage } from '../support/tuner-stage.ts'

/** Text that compresses badly, the same every time. */
function noise(bytes: number): string {
  let state = 7
  let text = ''
  while (text.length < bytes) {
    state = (state * 48271) % 2147483647
    text += state.toString(36)
  }
  return text.slice(0, bytes)
}

const nothingThere = { status: 404, headers: {}, bytes: Buffer.alloc(0) }

t.test('§6: without bundles a changed large file travels as a difference', async (t) => {
  const stage = await openTunerStage(t)
  const big = noise(600_000)
  const address = await stage.publish({
    'big.bin': big,
    'dir name/ä.bin': big.slice(1),
    's.txt': 's',
  })
  const asked: string[] = []
  const transport: Transport = {
    ...stage.transport,
    fetchBytes: (url, options) => {
      asked.push(`${options.method ?? 'GET'} ${new URL(String(url)).pathname}`)
      if (String(url).includes('/deltas/')) return Promise.resolve(nothingThere)
      return stage.transport.fetchBytes(url, options)
    },
  }
  const tuner = await stage.tuner({ transport })
  await tuner.subscribe({ address })
  const changed = `${big.slice(0, 300_000)}changed${big.slice(300_000)}`
  await stage.publish({ 'big.bin': changed, 'dir name/ä.bin': `${big.slice(1)}!`, 's.txt': 's2' })
  asked.length = 0
  const [outcome] = await tuner.update(await tuner.select())
  if (outcome?.ok !== true) throw outcome?.error
  const { bytes, route } = outcome.result
  t.equal(route?.kind, 'whole')
  t.ok(bytes.objects < 5000, `${bytes.objects} bytes for two files of 600,000`)
  t.ok(asked.some((line) => line === 'GET /site/files/big.bin'))
  t.equal(await stage.read('big.bin'), changed)
  t.equal(await stage.read('dir name/ä.bin'), `${big.slice(1)}!`)
  const [subscription] = await tuner.select()
  if (subscription === undefined) throw new Error('subscribed')
  t.equal((await tuner.verify(subscription)).damages.length, 0)
})

t.test('C5: a difference that is damaged or a lie is passed over', async (t) => {
  const stage = await openTunerStage(t)
  const big = noise(400_000)
  const address = await stage.publish({ 'big.bin': big })
  let lies = 0
  const transport: Transport = {
    ...stage.transport,
    fetchBytes: async (url, options) => {
      if (String(url).includes('/deltas/')) return nothingThere
      const answer = await stage.transport.fetchBytes(url, options)
      if (!String(url).includes('/files/') || answer.bytes.length === 0) return answer
      lies++
      const bytes = Buffer.from(answer.bytes)
      bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 0x40
      return { ...answer, bytes }
    },
  }
  const tuner = await stage.tuner({ transport })
  await tuner.subscribe({ address })
  await stage.publish({ 'big.bin': `${big.slice(0, 1000)}x${big.slice(1000)}` })
  const [outcome] = await tuner.update(await tuner.select())
  if (outcome?.ok !== true) throw outcome?.error
  t.equal(lies, 1)
  t.equal(outcome.result.to, 2)
  t.equal(await stage.read('big.bin'), `${big.slice(0, 1000)}x${big.slice(1000)}`)
})
