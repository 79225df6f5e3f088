import { type Digest, isDigest } from './digest.ts'
import { formatError } from './format-errors.ts'
import { quoted } from './quoted.ts'

declare const nameBrand: unique symbol

/** The name of a channel below its transmitter's URL. */
export type ChannelName = string & { readonly [nameBrand]: 'ChannelName' }

const namePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/

export function isChannelName(text: unknown): text is ChannelName {
  return typeof text === 'string' && namePattern.test(text) && !text.includes('..')
}

/** @throws LW_FORMAT_CHANNEL_NAME */
export function parseChannelName(text: unknown): ChannelName {
  if (!isChannelName(text)) {
    throw formatError('LW_FORMAT_CHANNEL_NAME', { detail: quoted(text) })
  }
  return text
}

/** Where a channel is, and which one it must be when the link said so. */
export interface ChannelAddress {
  /** The transmitter's base URL with a trailing slash. */
  readonly base: string
  readonly name: ChannelName
  /** `base` + `name`, without a trailing slash: the form that is stored and shown. */
  readonly url: string
  /** The channel id that the link's fragment carried. */
  readonly channelId: Digest | undefined
  /** The newest root version that the link knew of. */
  readonly rootVersion: number | undefined
}

/**
 * Parses `http(s)://host[:port][/prefix]/NAME[#CHANNEL-ID[.ROOT-VERSION]]`, also behind `longwave:`.
 * @throws LW_FORMAT_CHANNEL_URL, LW_FORMAT_CHANNEL_NAME
 */
export function parseChannelAddress(text: string): ChannelAddress {
  let url: URL
  try {
    url = new URL(text.startsWith('longwave:') ? text.slice('longwave:'.length) : text)
  } catch (cause) {
    throw formatError('LW_FORMAT_CHANNEL_URL', { detail: quoted(text), cause })
  }
  const why = whyNotChannelUrl(url)
  if (why !== undefined) {
    throw formatError('LW_FORMAT_CHANNEL_URL', { detail: `${quoted(text)} ${why}` })
  }
  const segments = url.pathname.replace(/\/+$/, '').split('/')
  const name = parseChannelName(segments.pop() ?? '')
  const base = `${url.origin}${segments.join('/')}/`
  const [channelId, rootVersion] = parseFragment(url.hash.slice(1), text)
  return { base, name, url: `${base}${name}`, channelId, rootVersion }
}

function whyNotChannelUrl(url: URL): string | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'is neither http nor https.'
  if (url.username !== '' || url.password !== '') return 'carries credentials: use --token.'
  if (url.search !== '') return 'carries a query.'
  if (/^\/*$/.test(url.pathname)) return `names no channel, such as ${url.origin}/site.`
  return undefined
}

function parseFragment(
  fragment: string,
  text: string,
): readonly [Digest | undefined, number | undefined] {
  if (fragment === '') return [undefined, undefined]
  const [id, version, ...rest] = fragment.split('.')
  if (
    !isDigest(id) ||
    rest.length > 0 ||
    (version !== undefined && !/^[1-9]\d{0,5}$/.test(version))
  ) {
    throw formatError('LW_FORMAT_CHANNEL_URL', {
      detail: `${quoted(text)} has a fragment that is not a channel id.`,
    })
  }
  return [id, version === undefined ? undefined : Number(version)]
}

/** The link that subscribes: the channel's URL with its fingerprint. */
export function subscribeLink(url: string, channelId: Digest, rootVersion?: number): string {
  const version = rootVersion === undefined || rootVersion <= 1 ? '' : `.${rootVersion}`
  return `longwave:${url}#${channelId}${version}`
}

/**
 * Two ids that a person is to tell apart: as fingerprints, or whole where those are the same, as
 * they are after a mistyped last part.
 */
export function fingerprintsOf(one: Digest, other: Digest): readonly [string, string] {
  const isTold = one === other || fingerprint(one) !== fingerprint(other)
  return isTold ? [fingerprint(one), fingerprint(other)] : [one, other]
}

/** The channel id as people compare it: the first 32 digits in groups of four. */
export function fingerprint(channelId: Digest): string {
  return (channelId.slice(0, 32).match(/.{4}/g) ?? []).join(' ')
}
