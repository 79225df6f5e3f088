import { type Static, Type } from '../schemas/index.ts'
import { limits } from '../limits.ts'
import { RouteOffer } from './subscription.ts'

const digest = Type.String({ pattern: '^[0-9a-f]{64}$' })

/**
 * One entry of feedback. Tuner, epoch and sequence together are its stable id; the origin stores
 * it exactly once however often it is sent.
 */
export const FeedbackEntry = Type.Object({
  sequence: Type.Integer({ minimum: 1 }),
  /** Random; it tells apart what two copies of one disk append under the same number. */
  nonce: Type.String({ pattern: '^[0-9a-f]{16}$' }),
  /** When the channel appended it, RFC 3339. */
  at: Type.String({ maxLength: 32 }),
  /** Media type of the data. */
  type: Type.String({ pattern: '^[ -~]{1,128}$' }),
  /** The bytes, base64. */
  data: Type.String({ maxLength: Math.ceil(limits.feedbackEntryBytesMax / 3) * 4 }),
})
export type FeedbackEntry = Static<typeof FeedbackEntry>

/**
 * Body of `POST /NAME/update`. The tuner signs the exact bytes with its per-channel Ed25519 key;
 * public key and signature travel in the header `Longwave-Tuner`, each as Base64url with a dot
 * between, so that proxies can forward the body unchanged. With `Content-Encoding: br` the signed
 * bytes are those before the coding.
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
  /** Versions of the other metadata held, so that they do not travel again. */
  metadata: Type.Optional(
    Type.Object({
      targets: Type.Integer({ minimum: 0 }),
      snapshot: Type.Integer({ minimum: 0 }),
      timestamp: Type.Integer({ minimum: 0 }),
    }),
  ),
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
  /** SHA-256 of the reply that the channel holds, so that an unchanged one does not travel again. */
  replyHeld: Type.Optional(digest),
  /** SHA-256 of the overlay's statement that is held. */
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
      mime: Type.String({ pattern: '^[ -~]{0,128}$' }),
    }),
    { maxItems: limits.overlayFilesMax },
  ),
})
export type OverlayStatement = Static<typeof OverlayStatement>

/**
 * What the plug-in's key signs for a reply, as canonical JSON: the reply belongs to this request
 * of this tuner and cannot be replayed.
 */
export interface ReplyStatement {
  readonly format: 'longwave-reply-1'
  readonly channel: string
  readonly tuner: string
  readonly request: string
  readonly type: string
  readonly sha256: string
}

/** Answer of `POST /NAME/update`; always `private, no-store`. */
export const UpdateAnswer = Type.Object({
  request: Type.String(),
  /** Everything up to here is durably in the origin's log and may be deleted by the tuner. */
  acknowledged: Type.Optional(Type.Object({ epoch: Type.String(), sequence: Type.Integer() })),
  /** Metadata that the tuner lacks, exact bytes as text, by file name. */
  trust: Type.Record(Type.String()),
  head: Type.Object({ release: Type.Integer(), manifest: digest }),
  /** What `GET /NAME/deltas/FROM..TO` would say, for a tuner that is behind. */
  offer: Type.Optional(RouteOffer),
  /**
   * Data of the plug-in for the channel, base64 with its media type, and the Ed25519 signature of
   * its `ReplyStatement` by the plug-in's key, base64. Null takes an earlier reply back; absent
   * leaves it as it is.
   */
  reply: Type.Optional(
    Type.Union([
      Type.Object({
        sha256: digest,
        type: Type.String({ maxLength: 128 }),
        data: Type.String({ maxLength: Math.ceil(limits.replyBytesMax / 3) * 4 }),
        signature: Type.String({ maxLength: 128 }),
      }),
      Type.Null(),
    ]),
  ),
  /**
   * Canonical statement as text and its Ed25519 signature by the plug-in's key, base64. Null takes
   * an earlier overlay back; absent leaves it as it is. The files are had from
   * `GET /NAME/overlays/TUNER/SHA256` with the ticket of this answer.
   */
  overlay: Type.Optional(
    Type.Union([
      Type.Object({
        statement: Type.String({ maxLength: limits.overlayStatementBytesMax }),
        signature: Type.String({ maxLength: 128 }),
      }),
      Type.Null(),
    ]),
  ),
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
