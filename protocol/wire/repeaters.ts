import { type Static, Type } from '../schemas/index.ts'
import { limits } from '../limits.ts'

const digest = Type.String({ pattern: '^[0-9a-f]{64}$' })
const rawMetadata = Type.String({ maxLength: limits.targetsBytesMax })
const name = Type.String({ maxLength: 64 })
const url = Type.String({ maxLength: 2048 })

/** Seconds for which an origin holds a repeater's poll when there is no news. */
export const repeaterPollSeconds = 25

/** What a repeater serves of one channel. */
export const MirroredChannel = Type.Object({
  name,
  channel: digest,
  release: Type.Integer({ minimum: 1 }),
  manifest: digest,
})
export type MirroredChannel = Static<typeof MirroredChannel>

/**
 * Body of `POST /-/repeaters/report`: all that a repeater serves, and the prepared releases that
 * lie complete on its disk.
 */
export const RepeaterReport = Type.Object({
  /** The repeater's public URL, as publishers list it. */
  url,
  channels: Type.Array(MirroredChannel, { maxItems: 100_000 }),
  ready: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 1000 }),
})
export type RepeaterReport = Static<typeof RepeaterReport>

/** The head of a channel as its origin has it; advice, for the metadata are what is believed. */
export const RepeaterHead = Type.Object({
  name,
  channel: digest,
  release: Type.Integer({ minimum: 1 }),
  targetsVersion: Type.Integer({ minimum: 1 }),
  rootVersion: Type.Integer({ minimum: 1 }),
  timestampVersion: Type.Integer({ minimum: 1 }),
})
export type RepeaterHead = Static<typeof RepeaterHead>

/**
 * A release that is about to become the head. Its files are read under
 * `/-/repeaters/prepared/ID/objects/…` and `…/deltas/…`, with the repeater's token.
 */
export const PreparedRelease = Type.Object({
  id: Type.String({ pattern: '^[0-9a-f-]{1,64}$' }),
  name,
  release: Type.Integer({ minimum: 1 }),
  /** Roots that come with it, in order, exact bytes as text. */
  roots: Type.Array(rawMetadata, { maxItems: 32 }),
  targets: rawMetadata,
})
export type PreparedRelease = Static<typeof PreparedRelease>

/**
 * Answer of `GET /-/repeaters/poll?url=URL&since=CURSOR` with a repeater's token. It comes as soon
 * as the cursor would be another one; after 25 seconds without news it is 204.
 */
export const RepeaterNews = Type.Object({
  cursor: Type.String({ maxLength: 64 }),
  heads: Type.Array(RepeaterHead, { maxItems: 100_000 }),
  preparations: Type.Array(PreparedRelease, { maxItems: 1000 }),
})
export type RepeaterNews = Static<typeof RepeaterNews>

/** The one spelling of a repeater's URL: no trailing slash; undefined for what is none. */
export function repeaterBase(text: string): string | undefined {
  if (!/^https?:\/\/[^\s#?]+$/.test(text) || text.length > 2048 || !URL.canParse(text)) {
    return undefined
  }
  const parsed = new URL(text)
  if (parsed.username !== '' || parsed.password !== '') return undefined
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`
}
