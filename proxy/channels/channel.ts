import type { ChannelName } from '../../protocol/index.ts'
import type { ProxyContext } from '../context.ts'
import { proxyLimits as limits } from '../limits.ts'
import type { OriginBase } from '../origins.ts'
import { Grants } from './grants.ts'
import { ChannelPoll } from './poll.ts'
import { signedPart, type TrustCache } from './trust-cache.ts'

/** What the proxy knows of one channel at one origin. */
export interface ProxiedChannel {
  /** Its URL. */
  readonly url: string
  readonly base: OriginBase
  readonly name: ChannelName
  readonly poll: ChannelPoll
  readonly grants: Grants
  /** The id that its timestamp bore last, unverified. */
  channelId: string | undefined
}

/** The channels that tuners asked for, the longest unused one forgotten when there are too many. */
export class Channels {
  readonly #context: ProxyContext
  readonly #trust: TrustCache
  readonly #channels = new Map<string, ProxiedChannel>()

  constructor(context: ProxyContext, trust: TrustCache) {
    this.#context = context
    this.#trust = trust
  }

  get size(): number {
    return this.#channels.size
  }

  get(base: OriginBase, name: ChannelName): ProxiedChannel {
    const url = `${base.base}/${name}`
    const known = this.#channels.get(url)
    if (known !== undefined) return known
    if (this.#channels.size >= limits.channelsMax) {
      const oldest = this.#channels.keys().next().value
      if (oldest !== undefined) this.#channels.delete(oldest)
    }
    const made = this.#make(url, base, name)
    this.#channels.set(url, made)
    return made
  }

  #make(url: string, base: OriginBase, name: ChannelName): ProxiedChannel {
    const grants = new Grants()
    const channel: ProxiedChannel = {
      url,
      base,
      name,
      grants,
      channelId: undefined,
      poll: new ChannelPoll({
        upstream: this.#context.upstream,
        measures: this.#context.measures,
        origin: base.origin,
        path: `${base.path}/${name}/trust/timestamp.json`,
        onChange: (bytes, isFirst) => this.#onChange(channel, bytes, isFirst),
      }),
    }
    return channel
  }

  /** A new release may have closed the channel; another id is another channel altogether. */
  #onChange(channel: ProxiedChannel, bytes: Buffer | undefined, isFirst: boolean): void {
    // What the origin gave before it was asked for the first time, it gave just now.
    if (!isFirst) channel.grants.clear()
    const id = bytes === undefined ? undefined : signedPart(bytes)?.['channel']
    const channelId = typeof id === 'string' ? id : undefined
    if (channelId !== channel.channelId) this.#trust.forget(channel.url)
    channel.channelId = channelId
  }
}
