import { type EntityTag, formatDigestField } from '../../protocol/http-fields/index.ts'
import { codedTag, deltaTag, plainTag } from './entity-tags.ts'
import type {
  DeltaOffer,
  ReadyBytes,
  RepresentationBody,
  Version,
  WholeCoding,
} from './resource.ts'

/** One way to answer, before ranges are cut and caching is said. */
export interface Candidate {
  readonly status: 200 | 226
  readonly tag: EntityTag
  /** Bytes and hash of the body; undefined while it is still to be made. */
  readonly ready: ReadyBytes | undefined
  /** Headers of this way alone. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: RepresentationBody
  /** Whether ranges of the body may be asked for. */
  readonly ranges: boolean
  /** Whether shared caches that do not know the format could hand it to the wrong client. */
  readonly uncacheable: string | undefined
}

/** The plain bytes. */
export function wholeCandidate(version: Version): Candidate {
  const ready = { sha256: version.sha256, bytes: version.size }
  return {
    status: 200,
    tag: plainTag(version.sha256),
    ready,
    headers: { 'Content-Type': version.mime, 'Repr-Digest': formatDigestField(version.sha256) },
    body: { kind: 'whole', sha256: version.sha256 },
    ranges: true,
    uncacheable: undefined,
  }
}

/** The bytes in a content coding that is kept ready. */
export function codedCandidate(
  version: Version,
  coding: WholeCoding,
  ready: ReadyBytes,
): Candidate {
  return {
    status: 200,
    tag: codedTag(version.sha256, coding),
    ready,
    headers: {
      'Content-Type': version.mime,
      'Content-Encoding': coding,
      // RFC 9530 2: the representation is what its coding made of it.
      'Repr-Digest': formatDigestField(ready.sha256),
    },
    body: { kind: 'whole', sha256: version.sha256, coded: { ...ready, coding } },
    ranges: true,
    uncacheable: undefined,
  }
}

/** DRP: the difference is the representation, and its media type says so (NOTE-drp 2.5). */
export function drpCandidate(from: Version, to: Version, offer: DeltaOffer): Candidate {
  const ready = readyOf(offer)
  return {
    status: 200,
    tag: deltaTag(to.sha256, from.sha256, 'gdiff'),
    ready,
    headers: {
      'Content-Type': 'application/gdiff',
      ...(ready && { 'Repr-Digest': formatDigestField(ready.sha256) }),
    },
    body: { kind: 'gdiff', from: from.sha256, to: to.sha256, ...(ready && { ready }) },
    ranges: true,
    uncacheable: 'no-store',
  }
}

/** RFC 3229: the resource's own type, and a status that unaware caches do not keep. */
export function manipulatedCandidate(
  base: { readonly version: Version; readonly tag: string },
  to: Version,
  offer: DeltaOffer,
): Candidate {
  const ready = readyOf(offer)
  return {
    status: 226,
    // RFC 3229 10.5.1: the tag of the instance, as if no manipulation had been applied.
    tag: plainTag(to.sha256),
    ready,
    headers: {
      'Content-Type': to.mime,
      IM: 'gdiff',
      'Delta-Base': base.tag,
      ...(ready && { 'Content-Digest': formatDigestField(ready.sha256) }),
    },
    body: { kind: 'gdiff', from: base.version.sha256, to: to.sha256, ...(ready && { ready }) },
    ranges: false,
    // RFC 3229 10.8.1: old caches obey no-store, those that know `im` ignore it then.
    uncacheable: 'no-store, im, max-age=0',
  }
}

/** RFC 9842: a content coding that needs the old version as dictionary. */
export function dictionaryCandidate(
  format: 'dcz' | 'dcb',
  versions: { readonly from: Version; readonly to: Version },
  offer: DeltaOffer,
): Candidate {
  const { from, to } = versions
  const ready = readyOf(offer)
  return {
    status: 200,
    tag: deltaTag(to.sha256, from.sha256, format),
    ready,
    headers: {
      'Content-Type': to.mime,
      'Content-Encoding': format,
      ...(ready && { 'Repr-Digest': formatDigestField(ready.sha256) }),
    },
    body: { kind: format, dictionary: from.sha256, to: to.sha256, ...(ready && { ready }) },
    ranges: true,
    uncacheable: undefined,
  }
}

function readyOf(offer: DeltaOffer): ReadyBytes | undefined {
  return offer.state === 'ready' ? { sha256: offer.sha256, bytes: offer.bytes } : undefined
}
