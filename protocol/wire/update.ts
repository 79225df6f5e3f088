import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'
import { BundleOffer } from './subscription.ts'

const digest = Type.String({ pattern: '^[0-9a-f]{64}$' })

/**
 * One entry of feedback. Tuner, epoch and sequence together are its stable id; the origin stores
 * it exactly once however often it is sent.
 */
export const FeedbackEntry = Type.Object({
  sequence: Type.Integer({ minimum: 1 }),
  /** When the channel appended it, RFC 3339. */
  at: Type.String({ maxLength: 32 }),
  /** Media type of the data. */
  type: Type.String({ maxLength: 128 }),
  /** The bytes, base64. */
  data: Type.String({ maxLength: Math.ceil(limits.feedbackEntryBytesMax / 3) * 4 }),
})
export type FeedbackEntry = Static<typeof FeedbackEntry>

/**
 * Body of `POST /NAME/update`. The tuner signs the exact bytes with its per-channel Ed25519 key;
 * the signature and the public key travel in `Longwave-Tuner: KEY-HEX; sig=BASE64`, so that proxies
 * can forward the body unchanged.
 */
export const UpdateRequest = Type.Object({
  format: Type.Literal('longwave-update-1'),
  channel: digest,
  /** Random, unique for each request; a request id seen before gets the stored answer. */
  request: Type.String({ pattern: '^[0-9a-f]{32}$' }),
  /** SHA-256 of the tuner's per-channel public key. */
  tuner: digest,
  /** Manifest id held; null before the first fetch. */
  manifest: Type.Union([digest, Type.Null()]),
  release: Type.Integer({ minimum: 0 }),
  rootVersion: Type.Integer({ minimum: 0 }),
  /** Standard UTC offset in minutes, without daylight saving. */
  zoneMinutes: Type.Integer({ minimum: -14 * 60, maximum: 14 * 60 }),
  /** Delta formats that the tuner can apply. */
  formats: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 16 }),
  /** The repeater in use, and whether it has just failed: a substitute is wanted. */
  repeater: Type.Optional(
    Type.Object({ url: Type.String({ maxLength: 2048 }), failed: Type.Boolean() }),
  ),
  /** Feedback in order, without gaps; `epoch` is random per tuner state. */
  feedback: Type.Optional(
    Type.Object({
      epoch: Type.String({ pattern: '^[0-9a-f]{32}$' }),
      entries: Type.Array(FeedbackEntry, { maxItems: 1000 }),
    }),
  ),
  /** The reply that the channel holds, so that an unchanged one does not travel again. */
  replyHeld: Type.Optional(digest),
  overlayHeld: Type.Optional(digest),
})
export type UpdateRequest = Static<typeof UpdateRequest>

/** A signed overlay: files that a plug-in adds to or replaces in one release for one tuner. */
export const OverlayStatement = Type.Object({
  format: Type.Literal('longwave-overlay-1'),
  channel: digest,
  tuner: digest,
  release: Type.Integer({ minimum: 1 }),
  /** Grows with every overlay for this tuner, so that an old one cannot be replayed. */
  serial: Type.Integer({ minimum: 1 }),
  files: Type.Array(
    Type.Object({
      path: Type.String({ maxLength: limits.pathBytesMax }),
      sha256: digest,
      size: Type.Integer({ minimum: 0 }),
      mime: Type.String({ maxLength: 128 }),
    }),
    { maxItems: 10_000 },
  ),
})
export type OverlayStatement = Static<typeof OverlayStatement>

/** Answer of `POST /NAME/update`; always `private, no-store`. */
export const UpdateAnswer = Type.Object({
  request: Type.String(),
  /** Everything up to here is durably in the origin's log and may be deleted by the tuner. */
  acknowledged: Type.Optional(Type.Object({ epoch: Type.String(), sequence: Type.Integer() })),
  /** Metadata that the tuner lacks, exact bytes as text, by file name. */
  trust: Type.Record(Type.String(), Type.String()),
  head: Type.Object({ release: Type.Integer(), manifest: digest }),
  /** Ways to the head with what they cost in bytes; the tuner takes the cheapest that works. */
  routes: Type.Array(
    Type.Union([
      Type.Object({
        kind: Type.Literal('bundle'),
        steps: Type.Array(BundleOffer),
        bytes: Type.Integer(),
      }),
      Type.Object({ kind: Type.Literal('whole'), bytes: Type.Integer() }),
    ]),
  ),
  /** Data of the plug-in for the channel, base64 with its media type. */
  reply: Type.Optional(Type.Object({ sha256: digest, type: Type.String(), data: Type.String() })),
  /** Canonical statement as text and its Ed25519 signature by the overlay key, base64. */
  overlay: Type.Optional(Type.Object({ statement: Type.String(), signature: Type.String() })),
  /** The repeater to use from now on; null means the origin itself. */
  repeater: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  /** Ticket for closed channels (docs/formats/tickets.md). */
  ticket: Type.Optional(Type.String()),
  /** Seconds until the origin would like to be asked again. */
  nextSeconds: Type.Optional(Type.Integer({ minimum: 0 })),
})
export type UpdateAnswer = Static<typeof UpdateAnswer>

/** Header that carries the tuner's key and signature beside an update request. */
export const tunerHeader = 'longwave-tuner'
