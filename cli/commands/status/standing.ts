import { countText, sizeText } from '../../output/index.ts'

/** What `/-/status` of transmitters, repeaters and proxies may hold; absent where it does not apply. */
export interface Standing {
  readonly service?: string
  readonly connections?: number
  readonly repeaters?: readonly {
    readonly url: string
    readonly isUp: boolean
    readonly heardSecondsAgo: number | null
  }[]
  readonly origin?: string
  readonly originAgeSeconds?: number | null
  readonly channels?: number | readonly ChannelStanding[]
  readonly hitRate?: number
  readonly bytesServed?: number
  readonly servedBytes?: number
  readonly bytesSaved?: number
  readonly cacheBytes?: number
  readonly cacheBudgetBytes?: number
  readonly upstreamConnections?: number
}

export interface ChannelStanding {
  readonly name: string
  readonly release: number
  readonly head?: number
  readonly ageSeconds?: number | null
  readonly lagSeconds?: number
  readonly failure?: { readonly code: string }
  readonly access?: string
  readonly polls?: number
  readonly repeaters?: readonly {
    readonly url: string
    readonly releasesBehind: number
    readonly tuners: number
  }[]
  readonly feedback?: { readonly entries: number; readonly undelivered: number }
  readonly plugin?: {
    readonly state: string
    readonly calls: number
    readonly failures: number
    readonly falls: number
    readonly lastFailure?: string
  }
}

/** Channels that are shown line by line; all stand in the JSON form. */
const channelsShownMax = 50

/** The standing of a server as lines for a person. */
export function standingLines(standing: Standing | undefined): readonly string[] {
  if (standing === undefined) return []
  const { connections, upstreamConnections, repeaters = [], channels } = standing
  const lines: string[] = []
  if (connections !== undefined) {
    const upstream = upstreamConnections === undefined ? '' : `, ${upstreamConnections} upstream`
    lines.push(`${countText(connections, 'connection')}${upstream}`)
  }
  if (standing.origin !== undefined) {
    const age = standing.originAgeSeconds
    const heard = age === null || age === undefined ? 'not reached yet' : `reached ${age} s ago`
    lines.push(`origin ${standing.origin}, ${heard}`)
  }
  lines.push(...traffic(standing))
  for (const { url, isUp, heardSecondsAgo } of repeaters) {
    const heard = heardSecondsAgo === null ? 'gone' : `heard ${heardSecondsAgo} s ago`
    lines.push(`repeater ${url} ${isUp ? 'up' : 'down'}, ${heard}`)
  }
  if (typeof channels === 'number') lines.push(countText(channels, 'channel'))
  else
    for (const channel of (channels ?? []).slice(0, channelsShownMax)) {
      lines.push(...linesOf(channel))
    }
  return lines
}

function traffic(standing: Standing): readonly string[] {
  const served = standing.bytesServed ?? standing.servedBytes
  const lines: string[] = []
  if (served !== undefined) {
    const saved =
      standing.bytesSaved === undefined
        ? ''
        : `, ${sizeText(standing.bytesSaved)} of them did not cross`
    lines.push(`${sizeText(served)} served${saved}`)
  }
  if (standing.hitRate !== undefined) {
    lines.push(`hit rate ${(standing.hitRate * 100).toFixed(1)} %`)
  }
  if (standing.cacheBytes !== undefined) {
    const budget = sizeText(standing.cacheBudgetBytes ?? 0)
    lines.push(`cache ${sizeText(standing.cacheBytes)} of ${budget}`)
  }
  return lines
}

function linesOf(channel: ChannelStanding): readonly string[] {
  const { name, release, head = release, lagSeconds = 0, failure, feedback, plugin } = channel
  const facts = [`release ${release}${head > release ? ` of ${head}` : ''}`]
  if (channel.access === 'closed') facts.push('closed')
  if (channel.polls !== undefined) facts.push(countText(channel.polls, 'poll'))
  if (channel.ageSeconds !== undefined && channel.ageSeconds !== null) {
    facts.push(`compared ${channel.ageSeconds} s ago`)
  }
  if (lagSeconds > 0) facts.push(`lags ${lagSeconds} s`)
  if (failure !== undefined) facts.push(`failing: ${failure.code}`)
  if (feedback !== undefined && feedback.entries > 0) {
    facts.push(`feedback ${feedback.entries}, ${feedback.undelivered} waiting for the plug-in`)
  }
  const lines = [`channel ${name}: ${facts.join(', ')}`]
  for (const { url, releasesBehind, tuners } of channel.repeaters ?? []) {
    const state =
      releasesBehind === 0 ? 'current' : `${countText(releasesBehind, 'release')} behind`
    lines.push(`  at ${url}: ${state}, ${countText(tuners, 'tuner')}`)
  }
  if (plugin !== undefined) {
    const { state, calls, failures, falls, lastFailure } = plugin
    const last = lastFailure === undefined ? '' : `: ${lastFailure}`
    lines.push(
      `  plug-in ${state}, ${countText(calls, 'call')}, ${failures} failed, ${countText(falls, 'fall')}${last}`,
    )
  }
  return lines
}
