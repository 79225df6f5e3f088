import { type Static, Type } from '../schemas/index.ts'
import { limits } from '../limits.ts'

const digest = Type.String({ pattern: '^[0-9a-f]{64}$' })
const rawMetadata = Type.String({ maxLength: limits.targetsBytesMax })

/**
 * `GET /NAME/releases` with a publish token: what a publisher must know before it signs.
 * For a name that is free, `channel` is null and `onlineKey` is the key that the transmitter
 * has made for it; the publisher shows and pins it in the first root.
 */
export const PublishState = Type.Object({
  channel: Type.Union([digest, Type.Null()]),
  state: Type.Union([Type.Literal('free'), Type.Literal('active'), Type.Literal('ended')]),
  /** Newest release, 0 before the first. */
  release: Type.Integer({ minimum: 0 }),
  targetsVersion: Type.Integer({ minimum: 0 }),
  rootVersion: Type.Integer({ minimum: 0 }),
  /** Ed25519 public key, 32 bytes in hexadecimal, that signs snapshot and timestamp. */
  onlineKey: digest,
  /** Ed25519 public key, hexadecimal, that signs tickets of closed channels. */
  ticketKey: digest,
  /** Ed25519 public key, hexadecimal, that signs overlays of plug-ins. */
  overlayKey: digest,
  /** Whether the administrator allows a plug-in for this channel. */
  pluginAllowed: Type.Boolean(),
  /** Releases that can be reverted to, oldest first. */
  retained: Type.Array(Type.Integer({ minimum: 1 })),
  /**
   * Where the retained releases are written down, newest last, at most 1,000. Advice only: a
   * publisher believes `trust/VERSION.targets.json` with today's keys, or its own record.
   */
  releases: Type.Optional(
    Type.Array(
      Type.Object({
        release: Type.Integer({ minimum: 1 }),
        manifest: digest,
        /** Version of the targets metadata that named this release first. */
        targetsVersion: Type.Integer({ minimum: 1 }),
        published: Type.String({ maxLength: 32 }),
        label: Type.Optional(Type.String({ maxLength: limits.labelCharactersMax })),
      }),
      { maxItems: 1000 },
    ),
  ),
})
export type PublishState = Static<typeof PublishState>

/**
 * Query parameter of `POST /NAME/releases` that names an earlier upload to the same channel, not
 * committed and not expired: what it delivered counts as delivered by the new one. A publisher
 * needs it after a lost race, or when files changed between two attempts. An upload that is not
 * there (any more) is ignored.
 */
export const continuesParameter = 'continues'

/**
 * `POST /NAME/releases`: the body is the manifest, canonical JSON, optionally `Content-Encoding: br`.
 * The answer names the upload and what the transmitter lacks for it. The same manifest again gives
 * the same upload with what is still missing. The manifest of the newest release may be sent once
 * more: its upload takes a commit that changes keys or renews signatures without a new release.
 */
export const UploadState = Type.Object({
  upload: Type.String({ minLength: 1, maxLength: 64 }),
  expires: Type.String(),
  manifest: digest,
  /**
   * What is missing. `received` bytes of it are already here (resume from there); `bases` are
   * objects that the channel holds under the same path: a delta against one of them may be sent.
   */
  missing: Type.Array(
    Type.Object({
      sha256: digest,
      size: Type.Integer({ minimum: 0 }),
      received: Type.Integer({ minimum: 0 }),
      bases: Type.Optional(Type.Array(Type.Object({ sha256: digest, size: Type.Integer() }))),
    }),
  ),
  /** Objects of this manifest that the channel already refers to. */
  reusedObjects: Type.Integer({ minimum: 0 }),
  reusedBytes: Type.Integer({ minimum: 0 }),
  /** Largest body of one `objects` request. */
  requestBytesMax: Type.Integer({ minimum: 1 }),
  /** Codings that parts may have; none when it is left out. */
  codings: Type.Optional(Type.Array(Type.String({ maxLength: 16 }), { maxItems: 8 })),
})
export type UploadState = Static<typeof UploadState>

/**
 * Parts of `POST /NAME/releases/UPLOAD/objects` (multipart/form-data). Each is a file part whose
 * field name says what it is:
 * `object:SHA256` whole object · `segment:SHA256:OFFSET` a piece of a large one, in order ·
 * `gdiff:SHA256:BASE` a GDIFF that makes SHA256 from BASE. With `:br` at the end the bytes of the
 * part are one brotli stream, where the upload's `codings` allow it.
 */
export type PartName = (
  | { readonly kind: 'object'; readonly sha256: string }
  | { readonly kind: 'segment'; readonly sha256: string; readonly offset: number }
  | { readonly kind: 'gdiff'; readonly sha256: string; readonly base: string }
) & { readonly coding?: 'br' }

const partPattern =
  /^(?:object:([0-9a-f]{64})|segment:([0-9a-f]{64}):(\d{1,15})|gdiff:([0-9a-f]{64}):([0-9a-f]{64}))(:br)?$/

/** The typed form of a part's field name; undefined when it is none. */
export function parsePartName(name: string): PartName | undefined {
  const match = partPattern.exec(name)
  if (match === null) return undefined
  const coded = match[6] === undefined ? {} : ({ coding: 'br' } as const)
  if (match[1] !== undefined) return { kind: 'object', sha256: match[1], ...coded }
  if (match[2] !== undefined) {
    return { kind: 'segment', sha256: match[2], offset: Number(match[3]), ...coded }
  }
  return { kind: 'gdiff', sha256: match[4] ?? '', base: match[5] ?? '', ...coded }
}

export function formatPartName(part: PartName): string {
  const coded = part.coding === undefined ? '' : `:${part.coding}`
  if (part.kind === 'object') return `object:${part.sha256}${coded}`
  if (part.kind === 'segment') return `segment:${part.sha256}:${part.offset}${coded}`
  return `gdiff:${part.sha256}:${part.base}${coded}`
}

/** Answer to an `objects` request. */
export const ObjectsReceived = Type.Object({
  stored: Type.Integer({ minimum: 0 }),
  storedBytes: Type.Integer({ minimum: 0 }),
  missing: Type.Integer({ minimum: 0 }),
})
export type ObjectsReceived = Static<typeof ObjectsReceived>

/**
 * `GET /NAME/objects/SHA256/signature?block=BYTES` with a publish token: block checksums of an
 * object that the channel holds, for a delta against it (docs/formats/signature.md).
 */
export const signatureMediaType = 'application/vnd.longwave.signature'

/**
 * `POST /NAME/releases/UPLOAD/commit`: signed metadata, each the exact bytes as text.
 * `replaces` is the targets version that the publisher built upon: the compare of compare-and-set.
 * A lost race is a 409; the publisher then reads the metadata of the winner. The signed targets
 * name the upload's manifest; with the newest release's own manifest they keep its number.
 */
export const CommitRequest = Type.Object({
  replaces: Type.Integer({ minimum: 0 }),
  /** New roots in order; the first publish brings version 1. */
  roots: Type.Array(rawMetadata, { maxItems: 32 }),
  /** Left out when only roots are added; they must leave the present targets valid. */
  targets: Type.Optional(rawMetadata),
  /** Detached CMS signature over the manifest, DER in base64. */
  cms: Type.Optional(Type.String({ maxLength: 64 * 1024 })),
  /** Self-contained ES module of the plug-in; null removes it. */
  plugin: Type.Optional(Type.Union([Type.String({ maxLength: 4 * 1024 * 1024 }), Type.Null()])),
  /** How long the switch waits for listed repeaters, in seconds. */
  waitSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 600 })),
})
export type CommitRequest = Static<typeof CommitRequest>

export const CommitResult = Type.Object({
  channel: digest,
  release: Type.Integer({ minimum: 1 }),
  manifest: digest,
  targetsVersion: Type.Integer({ minimum: 1 }),
  rootVersion: Type.Integer({ minimum: 1 }),
  published: Type.String(),
  /** True when this commit had been made before: the first result is repeated. */
  repeated: Type.Boolean(),
  repeaters: Type.Array(
    Type.Object({
      url: Type.String(),
      state: Type.Union([Type.Literal('ready'), Type.Literal('lagging'), Type.Literal('unknown')]),
    }),
  ),
  warnings: Type.Array(Type.String()),
})
export type CommitResult = Static<typeof CommitResult>
