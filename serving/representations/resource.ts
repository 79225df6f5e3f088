import type { Digest } from '../../protocol/index.ts'
import type { ContentIdentifier } from '../../protocol/drp/index.ts'
import type { RequestHeaders } from '../../protocol/http-fields/index.ts'

/** Forms in which a version can be told from an older one. */
export type DeltaFormat = 'gdiff' | 'dcz' | 'dcb'

/** Content codings of a whole version that are kept ready. */
export type WholeCoding = 'br' | 'gzip'

/** Bytes that exist: their number and hash. */
export interface ReadyBytes {
  readonly sha256: Digest
  readonly bytes: number
}

/** One state of the file behind a URL. */
export interface Version {
  readonly sha256: Digest
  readonly size: number
  /** Media type as it is sent. */
  readonly mime: string
  /** MD5 in hexadecimal when it is known; only DRP clients that ask by MD5 need it. */
  readonly md5?: string
  /** Precompressed whole forms. */
  readonly coded?: Readonly<Partial<Record<WholeCoding, ReadyBytes>>>
}

/** A difference that is there, or that may be made when it is the best answer. */
export type DeltaOffer = ({ readonly state: 'ready' } & ReadyBytes) | { readonly state: 'makeable' }

/** How long caches may keep the file, and who may. */
export interface CachePolicy {
  readonly audience: 'public' | 'private'
  readonly maxAgeSeconds: number
  /** For so much longer it may be shown while it is asked for again (RFC 5861). */
  readonly staleSeconds: number
}

/** The file behind one URL, as the decision needs to see it. */
export interface Resource {
  /** Percent-encoded path of the URL, without query. */
  readonly path: string
  readonly current: Version
  /** An older version that is still stored; `undefined` for everything else, `current` included. */
  older(id: ContentIdentifier): Version | undefined
  /** Formats that this server speaks at all, the preferred dictionary coding first. */
  readonly formats: readonly DeltaFormat[]
  /** The difference between two versions; undefined when there is none to be had. */
  delta(format: DeltaFormat, from: Version, to: Version): DeltaOffer | undefined
  readonly caching: CachePolicy
  /**
   * URL pattern of what this file may be a dictionary for (RFC 9842 2.1.1); by default the file's
   * own later versions. `none` does not offer it.
   */
  readonly dictionaryFor?: string | 'none'
}

export interface RepresentationRequest {
  readonly method: string
  readonly headers: RequestHeaders
  readonly resource: Resource
}

/** A part of a body, both ends included. */
export interface BodyRange {
  readonly first: number
  readonly last: number
}

/** What to send; with HEAD it is what GET would send. */
export type RepresentationBody =
  | {
      readonly kind: 'whole'
      readonly sha256: Digest
      /** The precompressed form to send instead of the plain object. */
      readonly coded?: ReadyBytes & { readonly coding: WholeCoding }
      readonly range?: BodyRange
    }
  | {
      readonly kind: 'gdiff'
      readonly from: Digest
      readonly to: Digest
      /** Undefined: make it, offer it as ready, and decide again for exact headers. */
      readonly ready?: ReadyBytes
      readonly range?: BodyRange
    }
  | {
      readonly kind: 'dcz' | 'dcb'
      readonly dictionary: Digest
      readonly to: Digest
      readonly ready?: ReadyBytes
      readonly range?: BodyRange
    }
  | { readonly kind: 'problem'; readonly code: RepresentationProblem }
  | { readonly kind: 'none' }

export type RepresentationProblem =
  | 'LW_DRP_CONTENT_ID'
  | 'LW_DRP_CONTENT_ID_UNAVAILABLE'
  | 'LW_REPRESENTATION_METHOD'
  | 'LW_REPRESENTATION_RANGE'
  | 'LW_REPRESENTATION_PRECONDITION'

export interface Representation {
  readonly status: 200 | 206 | 226 | 304 | 400 | 404 | 405 | 412 | 416
  /** Names in their usual spelling, ready for `reply.headers()`. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: RepresentationBody
}
