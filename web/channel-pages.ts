import {
  type ChannelList,
  type ChannelListing,
  type Digest,
  fingerprint,
} from '../protocol/index.ts'
import { html, type Markup } from './markup.ts'
import { page } from './page.ts'

/** The page that lists a transmitter's channels as subscribe links (C24). */
export function channelListPage(list: ChannelList): string {
  const count = list.channels.length
  const many = count === 1 ? '1 channel' : `${count} channels`
  const lead = html`<p class="soft">${count === 0 ? 'Nothing is published yet' : many} at <span class="break">${list.transmitter}</span></p>`
  if (count === 0) {
    const body = html`<section class="empty"><h2>Publish the first channel</h2>
<p>Any folder becomes a channel. On the machine that holds it:</p>
${command(`longwave publish DIR ${list.transmitter}NAME`)}
<p class="soft">NAME is up to 64 of a–z, 0–9, dot, dash and underscore.</p></section>`
    return page({ title: 'Channels', lead, body, home: list.transmitter })
  }
  const body = html`<ul class="channels">${list.channels.map(itemOf)}</ul>`
  return page({ title: 'Channels', lead, body, home: list.transmitter })
}

function itemOf(channel: ChannelListing): Markup {
  const isEnded = channel.state === 'ended'
  return html`<li><h2><a href="${channel.url}">${titleOf(channel)}</a>${isEnded ? mark('ended') : undefined}</h2>
${channel.description === undefined ? undefined : html`<p class="clamp">${channel.description}</p>`}
<p class="soft">${channel.name} · release ${channel.release}${labelOf(channel)} · ${contentOf(channel)} · <time datetime="${channel.published}">${timeText(channel.published)}</time></p>
${isEnded ? undefined : subscribeOf(channel)}</li>`
}

/** The page of one channel. */
export function channelPage(channel: ChannelListing): string {
  const rows: readonly (readonly [string, Markup | string | undefined])[] = [
    ['Address', html`<a href="${channel.url}">${channel.url}</a>`],
    ['Release', `${channel.release}${labelOf(channel)}`],
    [
      'Published',
      html`<time datetime="${channel.published}">${timeText(channel.published)}</time>`,
    ],
    ['Content', contentOf(channel)],
    ['Kind', channel.kind],
    ['Category', channel.category],
    ['Updates', channel.schedule],
    ['Fingerprint', html`<code>${fingerprint(channel.channel as Digest)}</code>`],
    ['Channel id', html`<code>${channel.channel}</code>`],
  ]
  const list = rows
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)
  const lead =
    channel.description === undefined
      ? html`<p class="soft">${channel.name}</p>`
      : html`<p class="text">${channel.description}</p>`
  const body = html`${channel.state === 'ended' ? endedOf() : subscribingOf(channel)}
<section><h2>About this channel</h2><dl>${list}</dl></section>
<section><h2>Contents</h2><p>${channel.kind === 'html' ? html`<a href="${channel.url}/files/">Open in the browser</a> · ` : undefined}<a href="${channel.url}/index">File index (XML)</a></p></section>`
  const home = channel.url.slice(0, -channel.name.length)
  return page({ title: titleOf(channel), lead, body, home })
}

function endedOf(): Markup {
  return html`<section class="notice" role="note"><p><strong>This channel has ended.</strong> Its publisher signed a last release; copies stay as they are, and nothing follows.</p></section>`
}

function subscribingOf(channel: ChannelListing): Markup {
  return html`<section><h2>Subscribe</h2>
${subscribeOf(channel)}
<p>Or on a command line:</p>
${command(`longwave subscribe '${channel.link}'`)}
<p class="soft">Compare the fingerprint below with the one that the publisher tells you another way.</p></section>`
}

function subscribeOf(channel: ChannelListing): Markup {
  const title = titleOf(channel)
  return html`<p class="actions"><a class="subscribe" href="${channel.link}">Subscribe<span class="hidden"> to ${title}</span></a>
<a href="${channel.url}/subscription">Subscription file<span class="hidden"> of ${title}</span></a></p>`
}

/** A command that a click selects whole. */
function command(text: string): Markup {
  return html`<pre class="command" tabindex="0"><code>${text}</code></pre>`
}

function mark(text: string): Markup {
  return html` <span class="mark">${text}</span>`
}

function titleOf(channel: ChannelListing): string {
  return channel.title ?? channel.name
}

function labelOf(channel: ChannelListing): string {
  return channel.label === undefined ? '' : ` (${channel.label})`
}

function contentOf({ totalBytes, entries }: ChannelListing): string {
  return `${sizeText(totalBytes)} in ${entries === 1 ? '1 entry' : `${entries} entries`}`
}

/** RFC 3339 for people: 2026-11-22T15:35:00Z becomes 2026-11-22 15:35 UTC. */
function timeText(time: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)/.exec(time)
  return match === null ? time : `${match[1]} ${match[2]} UTC`
}

/** Bytes for people: 1,536 becomes 1.5 KB. */
function sizeText(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value < 9.95 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}
