import { type ChannelList, type ChannelListing, type Digest, fingerprint } from '../protocol/index.ts'
import { html, type Markup } from './markup.ts'
import { page } from './page.ts'

/** The page that lists a transmitter's channels as subscribe links (C24). */
export function channelListPage(list: ChannelList): string {
  const lead = html`<p class="soft">Transmitter ${list.transmitter}</p>`
  if (list.channels.length === 0) {
    const body = html`<p>No channel is published here yet.</p>
<p>Publish a folder with <code>longwave publish DIR ${list.transmitter}NAME</code></p>`
    return page({ title: 'Channels', lead, body })
  }
  const items = list.channels.map(
    (channel) => html`<li><h2><a href="${channel.url}">${titleOf(channel)}</a></h2>
<p class="soft">${channel.name} · release ${channel.release}${labelOf(channel)} · ${sizeText(channel.totalBytes)} in ${channel.entries} entries · ${channel.published}</p>
${channel.description === undefined ? undefined : html`<p>${channel.description}</p>`}
${subscribeOf(channel)}</li>`,
  )
  return page({ title: 'Channels', lead, body: html`<ul class="channels">${items}</ul>` })
}

/** The page of one channel. */
export function channelPage(channel: ChannelListing): string {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['Channel', channel.url],
    ['Release', `${channel.release}${labelOf(channel)}`],
    ['Published', channel.published],
    ['Content', `${sizeText(channel.totalBytes)} in ${channel.entries} entries`],
    ['Kind', channel.kind],
    ['Category', channel.category],
    ['Schedule', channel.schedule],
    ['Fingerprint', fingerprint(channel.channel as Digest)],
    ['Channel id', channel.channel],
  ]
  const list = rows
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)
  const lead =
    channel.description === undefined ? undefined : html`<p>${channel.description}</p>`
  const body = html`${subscribeOf(channel)}<dl>${list}</dl>
<p>Or on a command line: <code>longwave subscribe '${channel.link.replace(/^longwave:/, '')}'</code></p>`
  return page({ title: titleOf(channel), lead, body })
}

function titleOf(channel: ChannelListing): string {
  return channel.title ?? channel.name
}

function labelOf(channel: ChannelListing): string {
  return channel.label === undefined ? '' : ` (${channel.label})`
}

function subscribeOf(channel: ChannelListing): Markup {
  if (channel.state === 'ended') return html`<p>This channel was ended by its publisher.</p>`
  return html`<p><a class="subscribe" href="${channel.link}">Subscribe</a> <a href="${channel.url}/subscription">Subscription file</a></p>`
}

/** Bytes for people: 1,536 becomes 1.5 KB. */
function sizeText(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}
