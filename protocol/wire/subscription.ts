import { type Static, Type } from '../schemas/index.ts'
import { limits } from '../limits.ts'
import { PackOffer } from './packs.ts'

export const subscriptionFormat = 'longwave-subscription-1'

/** What a click on a subscribe link brings: `GET /NAME/subscription`. Advice only, nothing is trusted. */
export const SubscriptionDocument = Type.Object({
  format: Type.Literal(subscriptionFormat),
  url: Type.String({ maxLength: 2048 }),
  name: Type.String({ maxLength: 64 }),
  channel: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  rootVersion: Type.Integer({ minimum: 1 }),
  title: Type.Optional(Type.String({ maxLength: limits.titleCharactersMax })),
  description: Type.Optional(Type.String({ maxLength: limits.descriptionCharactersMax })),
  kind: Type.String({ maxLength: 32 }),
  category: Type.Optional(Type.String({ maxLength: limits.titleCharactersMax })),
  schedule: Type.Optional(Type.String({ maxLength: 200 })),
  /**
   * Asked for with `?zone=+05:30&tuner=TUNER-ID` (and `held=URL`, `failed=1`): the repeater to use
   * from now on, as the manifest spells it; null is the origin itself.
   */
  repeater: Type.Optional(Type.Union([Type.String({ maxLength: 2048 }), Type.Null()])),
})
export type SubscriptionDocument = Static<typeof SubscriptionDocument>

/** One row of `GET /` as JSON. */
export const ChannelListing = Type.Object({
  name: Type.String({ maxLength: 64 }),
  url: Type.String({ maxLength: 2048 }),
  channel: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  link: Type.String({ maxLength: 4096 }),
  release: Type.Integer({ minimum: 1 }),
  label: Type.Optional(Type.String({ maxLength: limits.labelCharactersMax })),
  published: Type.String({ maxLength: 32 }),
  title: Type.Optional(Type.String({ maxLength: limits.titleCharactersMax })),
  description: Type.Optional(Type.String({ maxLength: limits.descriptionCharactersMax })),
  kind: Type.String({ maxLength: 32 }),
  category: Type.Optional(Type.String({ maxLength: limits.titleCharactersMax })),
  schedule: Type.Optional(Type.String({ maxLength: 200 })),
  entries: Type.Integer({ minimum: 0 }),
  totalBytes: Type.Integer({ minimum: 0 }),
  state: Type.Union([Type.Literal('active'), Type.Literal('ended')]),
})
export type ChannelListing = Static<typeof ChannelListing>

export const ChannelList = Type.Object({
  transmitter: Type.String({ maxLength: 2048 }),
  version: Type.String({ maxLength: 64 }),
  channels: Type.Array(ChannelListing, { maxItems: 100_000 }),
})
export type ChannelList = Static<typeof ChannelList>

/** The same list in the static form, below the folder that the web server serves. */
export const staticListingFile = 'channels.json'

/** The figures of a release between, which bound what a step of a chain may build. */
export const ReleaseFigures = Type.Object({
  manifest: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  manifestBytes: Type.Integer({ minimum: 1, maximum: limits.manifestBytesMax }),
  entries: Type.Integer({ minimum: 0, maximum: limits.entriesMax }),
  totalBytes: Type.Integer({ minimum: 0 }),
  largestFileBytes: Type.Integer({ minimum: 0, maximum: limits.fileBytesMax }),
})
export type ReleaseFigures = Static<typeof ReleaseFigures>

/** `GET /NAME/deltas/FROM..TO`: names the bundle. FROM 0 is the empty release. */
export const BundleOffer = Type.Object({
  from: Type.Integer({ minimum: 0 }),
  to: Type.Integer({ minimum: 1 }),
  format: Type.String({ maxLength: 64 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  bytes: Type.Integer({ minimum: 0 }),
  /** Given for the steps of a chain; nobody vouches for them but the head that comes out. */
  figures: Type.Optional(ReleaseFigures),
})
export type BundleOffer = Static<typeof BundleOffer>

/**
 * The document that `GET /NAME/deltas/FROM..TO` answers: the bundle (with 200), and beside it what
 * the other routes cost. With 202 the bundle is still being made and its members are absent.
 */
export const RouteOffer = Type.Object({
  from: Type.Integer({ minimum: 0 }),
  to: Type.Integer({ minimum: 1 }),
  format: Type.Optional(Type.String({ maxLength: 64 })),
  sha256: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
  bytes: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Bundles over releases between, each starting where the one before ends. */
  chain: Type.Optional(Type.Array(BundleOffer, { maxItems: 16 })),
  /** What the objects that TO adds to FROM cost one by one, compressed where that is ready. */
  wholeBytes: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Small objects may be asked for many at a time; absent where they are had one by one. */
  packs: Type.Optional(PackOffer),
})
export type RouteOffer = Static<typeof RouteOffer>
