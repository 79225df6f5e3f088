import { readFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import type { TransmitterStatus } from '../../transmitter/index.ts'
import { UpdateClient } from '../support/backchannel-client.ts'
import { backChannelFixture, channelName } from '../support/backchannel.ts'
import { countingPlugin } from '../support/backchannel-plugins.ts'

t.test('C61: a transmitter tells how channels, feedback and plug-ins stand', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.allow()
  const repeater = 'http://eu.example.test'
  const attributes = { repeaters: [{ url: repeater }], assignment: 'round-robin' as const }
  await fixture.publish({ 'a.txt': 'a' }, { plugin: countingPlugin, attributes })
  await fixture.publish({ 'a.txt': 'b' })
  const file = path.join(fixture.home, 'transmitter', 'publish-token')
  const token = (await readFile(file, 'utf8')).trim()
  const status = async (authorization?: string): Promise<TransmitterStatus> => {
    const headers = authorization === undefined ? {} : { authorization }
    const answer = await fetch(`${fixture.url}/-/status`, { headers })
    t.match(answer.headers.get('cache-control'), /private, no-store/)
    return (await answer.json()) as TransmitterStatus
  }
  const owner = `Bearer ${token}`
  const { transport } = fixture
  const client = new UpdateClient({ transport, url: `${fixture.url}/${channelName}` })
  client.append('one', 'two')
  await client.post()
  const listing = (await (await fetch(`${fixture.url}/${channelName}`)).json()) as {
    readonly channel: string
  }
  await fetch(`${fixture.url}/-/repeaters/report`, {
    method: 'POST',
    headers: { authorization: owner, 'content-type': 'application/json' },
    body: JSON.stringify({
      url: repeater,
      channels: [
        { name: channelName, channel: listing.channel, release: 1, manifest: listing.channel },
      ],
      ready: [],
    }),
  })
  const told = await status(owner)
  t.match(told, {
    service: 'transmitter',
    url: fixture.url,
    repeaters: [{ url: repeater, isUp: true }],
    channels: [
      {
        name: channelName,
        access: 'open',
        release: 2,
        repeaters: [{ url: repeater, release: 1, releasesBehind: 1, tuners: 0 }],
        feedback: { entries: 2, undelivered: 0 },
        plugin: { state: 'running', calls: 1, failures: 0 },
      },
    ],
  })
  t.ok(told.connections >= 1)
  const [open] = (await status()).channels
  t.equal(open?.release, 2)
  t.equal(open?.feedback, undefined, 'feedback and plug-ins are for those who publish')
  t.equal(open?.plugin, undefined)
})
