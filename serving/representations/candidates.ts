import { digestOf } from '../../protocol/index.ts'
import {
  type ContentIdentifier,
  digestOfIdentifier,
  identifierOfDigest,
  sameContent,
} from '../../protocol/drp/index.ts'
import {
  acceptsManipulation,
  fieldValue,
  formatEntityTag,
  parseDigestItem,
  parseEntityTags,
  parseIfRange,
  parseWeightedTokens,
  type RequestHeaders,
  weightOf,
} from '../../protocol/http-fields/index.ts'
import { identityGdiff } from '../../delta/gdiff/index.ts'
import {
  type Candidate,
  codedCandidate,
  dictionaryCandidate,
  drpCandidate,
  manipulatedCandidate,
  wholeCandidate,
} from './candidate.ts'
import { representationLimits } from './limits.ts'
import type { DeltaFormat, DeltaOffer, Resource, Version, WholeCoding } from './resource.ts'

/** The stored version that an identifier names, the current one included. */
export function findVersion(resource: Resource, id: ContentIdentifier): Version | undefined {
  const { current } = resource
  if (digestOfIdentifier(id) === current.sha256) return current
  if (id.algorithm === 'md5' && id.hex === current.md5) return current
  return resource.older(id)
}

/** The difference, when this server speaks the format and it is smaller than what it replaces. */
function worthwhile(
  resource: Resource,
  format: DeltaFormat,
  pair: { readonly from: Version; readonly to: Version; readonly insteadBytes: number },
): DeltaOffer | undefined {
  if (!resource.formats.includes(format)) return undefined
  const offer = offerOf(resource, format, pair.from, pair.to)
  if (offer?.state === 'ready' && offer.bytes >= pair.insteadBytes) return undefined
  return offer
}

function offerOf(
  resource: Resource,
  format: DeltaFormat,
  from: Version,
  to: Version,
): DeltaOffer | undefined {
  if (format !== 'gdiff' || from.sha256 !== to.sha256) return resource.delta(format, from, to)
  // Nothing changed: the difference that copies everything need not be stored anywhere.
  const bytes = identityGdiff(to.size)
  return { state: 'ready', sha256: digestOf(bytes), bytes: bytes.byteLength }
}

/** `Differential-ID`: a GDIFF when its base is known and it pays, else undefined. */
export function drpAnswer(
  resource: Resource,
  to: Version,
  base: ContentIdentifier,
): Candidate | undefined {
  const from = findVersion(resource, base)
  if (from === undefined) return undefined
  const offer = worthwhile(resource, 'gdiff', { from, to, insteadBytes: to.size })
  return offer === undefined ? undefined : drpCandidate(from, to, offer)
}

/** `A-IM: gdiff` with the bases in `If-None-Match`; the smallest difference that is to be had. */
export function manipulatedAnswer(
  resource: Resource,
  to: Version,
  headers: RequestHeaders,
): Candidate | undefined {
  if (!acceptsManipulation(fieldValue(headers, 'a-im'), 'gdiff')) return undefined
  const tags = parseEntityTags(fieldValue(headers, 'if-none-match') ?? '')
  if (tags === undefined || tags === '*') return undefined
  let best: Candidate | undefined
  for (const tag of tags.slice(0, representationLimits.basesMax)) {
    // Bytes are differenced, so only a strong tag names a base (RFC 3229 10.5.1).
    if (tag.weak || !/^[0-9a-f]{64}$/.test(tag.opaque)) continue
    const from = findVersion(resource, { algorithm: 'sha256', hex: tag.opaque })
    if (from === undefined) continue
    const offer = worthwhile(resource, 'gdiff', { from, to, insteadBytes: to.size })
    if (offer === undefined) continue
    const candidate = manipulatedCandidate({ version: from, tag: formatEntityTag(tag) }, to, offer)
    if (best === undefined || bytesOf(candidate) < bytesOf(best)) best = candidate
  }
  return best
}

function bytesOf(candidate: Candidate): number {
  return candidate.ready?.bytes ?? Number.POSITIVE_INFINITY
}

/** The plain version, or a content coding of it, whichever the client takes and is smallest. */
export function codedAnswer(resource: Resource, to: Version, headers: RequestHeaders): Candidate {
  const whole = wholeCandidate(to)
  const range = fieldValue(headers, 'range')
  const accepted = parseWeightedTokens(fieldValue(headers, 'accept-encoding') ?? '')
  const codings = [...precompressed(to, accepted), ...withDictionary(resource, to, headers)]
  if (range !== undefined) {
    // A resumed transfer must go on with the bytes it began with; plain ones unless it says so.
    return codings.find((candidate) => isResumed(candidate, headers)) ?? whole
  }
  let best = whole
  for (const candidate of codings) {
    const isDictionary = candidate.body.kind === 'dcz' || candidate.body.kind === 'dcb'
    // One that is still to be made is expected to be smaller than any without a dictionary.
    const bytes = candidate.ready?.bytes ?? (isDictionary ? 0 : Number.POSITIVE_INFINITY)
    if (bytes < (best.ready?.bytes ?? 0)) best = candidate
  }
  return best
}

function isResumed(candidate: Candidate, headers: RequestHeaders): boolean {
  const condition = parseIfRange(fieldValue(headers, 'if-range') ?? '')
  return condition?.kind === 'tag' && condition.tag.opaque === candidate.tag.opaque
}

function precompressed(
  to: Version,
  accepted: ReturnType<typeof parseWeightedTokens>,
): readonly Candidate[] {
  const candidates: Candidate[] = []
  for (const coding of ['br', 'gzip'] as const satisfies readonly WholeCoding[]) {
    const ready = to.coded?.[coding]
    if (ready !== undefined && weightOf(accepted, coding) > 0) {
      candidates.push(codedCandidate(to, coding, ready))
    }
  }
  return candidates
}

function withDictionary(
  resource: Resource,
  to: Version,
  headers: RequestHeaders,
): readonly Candidate[] {
  const available = parseDigestItem(fieldValue(headers, 'available-dictionary') ?? '')
  if (available === undefined) return []
  const from = findVersion(resource, identifierOfDigest(available))
  if (from === undefined) return []
  const accepted = parseWeightedTokens(fieldValue(headers, 'accept-encoding') ?? '')
  const candidates: Candidate[] = []
  for (const format of resource.formats) {
    // RFC 9842 2.2: a client names these codings itself; a wildcard does not mean them.
    if (format === 'gdiff' || (accepted?.get(format) ?? 0) === 0) continue
    const offer = worthwhile(resource, format, { from, to, insteadBytes: to.size })
    if (offer !== undefined) candidates.push(dictionaryCandidate(format, { from, to }, offer))
  }
  return candidates
}

/** The identifier of a version in the kind that the client speaks, as far as it is known. */
export function identifierFor(
  version: Version,
  asked: ContentIdentifier | undefined,
  spoken: ContentIdentifier | undefined,
): ContentIdentifier {
  if (asked !== undefined) return asked
  if (spoken?.algorithm === 'md5' && version.md5 !== undefined) {
    return { algorithm: 'md5', hex: version.md5 }
  }
  const id = identifierOfDigest(version.sha256)
  return spoken !== undefined && sameContent(spoken, id) ? spoken : id
}
