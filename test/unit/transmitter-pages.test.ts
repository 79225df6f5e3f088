import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import type { ChannelListing } from '../../protocol/index.ts'
import { channelListPage, channelPage, html, pageHeaders } from '../../web/index.ts'

const url = 'https://dl.example.org/site'
const channel: ChannelListing = {
  name: 'site',
  url,
  channel: 'ab'.repeat(32),
  link: `longwave:${url}#${'ab'.repeat(32)}`,
  release: 3,
  published: '2025-06-01T12:34:56Z',
  kind: 'html',
  entries: 1,
  totalBytes: 999_600,
  state: 'active',
}
const list = { transmitter: 'https://dl.example.org/', version: '1' }

t.test('S67: whatever a channel says of itself is text', async (t) => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom('<script>', '"><img src=x>', "'", '&lt;', '</title>'),
  )
  const texts = fc.record({ title: word, description: word, label: word, category: word })
  fc.assert(
    fc.property(texts, (said) => {
      const plain = channelListPage({ ...list, channels: [channel] }) + channelPage(channel)
      const page = channelListPage({ ...list, channels: [{ ...channel, ...said }] })
      const tags = (text: string): number =>
        text.match(/<(script|img|iframe|svg|style|link)\b/gi)?.length ?? 0
      return tags(page + channelPage({ ...channel, ...said })) === tags(plain)
    }),
  )
  t.equal(
    html`<a title="${'"\'<&>'}">${undefined}${1}</a>`.markup,
    '<a title="&quot;&#39;&lt;&amp;&gt;">1</a>',
  )
})

t.test('C24: pages work without scripts, and allow nothing but their own style', async (t) => {
  const page = channelPage(channel)
  const style = /<style>([\s\S]*)<\/style>/.exec(page)?.[1] ?? ''
  const hash = createHash('sha256').update(style).digest('base64')
  t.match(pageHeaders['content-security-policy'], `'sha256-${hash}'`)
  t.notMatch(page, /<script|javascript:|onclick/)
  t.match(page, /<html lang="en">/)
  t.match(page, /<meta name="viewport"/)
  t.match(page, `href="${channel.link}"`)
  t.match(page, 'longwave subscribe')
  t.match(page, '1.0 MB in 1 entry')
  t.match(page, '2025-06-01 12:34 UTC')
  const headings = [...page.matchAll(/<h(\d)/g)].map((match) => Number(match[1]))
  t.equal(headings[0], 1)
  t.ok(
    headings.every((level, at) => level <= (headings[at - 1] ?? 1) + 1),
    'no level is left out',
  )
})

t.test(
  'C24: an empty transmitter says the next command, an ended channel that it ended',
  async (t) => {
    t.match(
      channelListPage({ ...list, channels: [] }),
      'longwave publish DIR https://dl.example.org/NAME',
    )
    const ended = { ...channel, state: 'ended' } as const
    t.match(channelPage(ended), 'This channel has ended.')
    t.notMatch(channelPage(ended), 'class="subscribe"')
    t.match(channelListPage({ ...list, channels: [ended] }), 'ended')
  },
)
