import { isLongwaveError } from '../../protocol/index.ts'
import {
  type ContentIdentifier,
  contentIdentifierIn,
  formatContentIdentifier,
} from '../../protocol/drp/index.ts'
import {
  type EntityTag,
  fieldValue,
  formatContentRange,
  formatEntityTag,
  formatUnsatisfiedRange,
  formatUseAsDictionary,
  matchesStrongly,
  parseEntityTags,
  parseIfRange,
  patternOfPath,
  type RequestHeaders,
  resolveRange,
} from '../../protocol/http-fields/index.ts'
import type { Candidate } from './candidate.ts'
import {
  codedAnswer,
  drpAnswer,
  findVersion,
  identifierFor,
  manipulatedAnswer,
} from './candidates.ts'
import { plainTag, versionOfTag } from './entity-tags.ts'
import { representationLimits } from './limits.ts'
import type {
  BodyRange,
  CachePolicy,
  Representation,
  RepresentationProblem,
  RepresentationRequest,
  Resource,
  Version,
} from './resource.ts'

/**
 * Decides how a file is answered: whole, precompressed, as GDIFF for DRP (Differential-ID) or
 * RFC 3229 (A-IM), or coded with a dictionary (RFC 9842), in that order of what the client asked
 * for most plainly; conditions and ranges as in RFC 9110 13 and 14. Pure: bodies are only named.
 *
 * A difference whose offer is `makeable` comes back without `ready`, length and digest: the caller
 * makes it and decides again with the offer `ready`, or undefined if it did not pay.
 */
export function chooseRepresentation(request: RepresentationRequest): Representation {
  const { method, headers, resource } = request
  const vary = varyOf(resource)
  if (method !== 'GET' && method !== 'HEAD') {
    return problem(405, 'LW_REPRESENTATION_METHOD', { Allow: 'GET, HEAD' })
  }
  let asked: ContentIdentifier | undefined
  let base: ContentIdentifier | undefined
  try {
    asked = contentIdentifierIn(headers, 'content-id')
    base = contentIdentifierIn(headers, 'differential-id')
  } catch (error) {
    if (!isLongwaveError(error, 'LW_DRP_CONTENT_ID')) throw error
    return problem(400, 'LW_DRP_CONTENT_ID', { Vary: vary })
  }
  const to = asked === undefined ? resource.current : findVersion(resource, asked)
  // The current version instead would mix releases in the client's update.
  if (to === undefined) return problem(404, 'LW_DRP_CONTENT_ID_UNAVAILABLE', { Vary: vary })

  const common = {
    Vary: vary,
    'Content-ID': formatContentIdentifier(identifierFor(to, asked, base)),
  }
  if (!passesIfMatch(headers, to)) {
    return problem(412, 'LW_REPRESENTATION_PRECONDITION', { Vary: vary })
  }
  const held = heldTag(headers, to)
  if (held !== undefined) {
    return {
      status: 304,
      headers: { ...common, ETag: held, 'Cache-Control': cacheControl(resource.caching) },
      body: { kind: 'none' },
    }
  }
  const drp = base === undefined ? undefined : drpAnswer(resource, to, base)
  if (base !== undefined && drp !== undefined) {
    const differential = { ...common, 'Differential-ID': formatContentIdentifier(base) }
    return finish(request, drp, differential)
  }
  const candidate = manipulatedAnswer(resource, to, headers) ?? codedAnswer(resource, to, headers)
  return finish(request, candidate, { ...common, ...dictionaryUse(resource, to, candidate) })
}

/** Adds what all answers with a body have in common, and cuts the range that was asked for. */
function finish(
  request: RepresentationRequest,
  candidate: Candidate,
  common: Readonly<Record<string, string>>,
): Representation {
  const { caching } = request.resource
  const tag = formatEntityTag(candidate.tag)
  const headers: Record<string, string> = {
    ...candidate.headers,
    ...common,
    ETag: tag,
    'Cache-Control': candidate.uncacheable ?? cacheControl(caching),
  }
  if (candidate.ranges) headers['Accept-Ranges'] = 'bytes'
  if (candidate.ready === undefined) {
    return { status: candidate.status, headers, body: candidate.body }
  }
  const size = candidate.ready.bytes
  const range = rangeOf(request, candidate, size)
  if (range === 'unsatisfiable') {
    const unsatisfied = {
      'Content-Range': formatUnsatisfiedRange(size),
      Vary: common['Vary'] ?? '',
    }
    return problem(416, 'LW_REPRESENTATION_RANGE', unsatisfied)
  }
  if (range === undefined) {
    headers['Content-Length'] = String(size)
    return { status: candidate.status, headers, body: candidate.body }
  }
  headers['Content-Range'] = formatContentRange(range, size)
  headers['Content-Length'] = String(range.last - range.first + 1)
  // A part is no dictionary (RFC 9842 2.1 speaks of the whole response).
  delete headers['Use-As-Dictionary']
  const body = candidate.body as Extract<Representation['body'], { kind: 'whole' }>
  return { status: 206, headers, body: { ...body, range } }
}

/** The one range to answer; several at once are answered whole, as RFC 9110 14.2 allows. */
function rangeOf(
  request: RepresentationRequest,
  candidate: Candidate,
  size: number,
): BodyRange | 'unsatisfiable' | undefined {
  if (request.method !== 'GET' || !candidate.ranges) return undefined
  const ifRange = fieldValue(request.headers, 'if-range')
  if (ifRange !== undefined) {
    const condition = parseIfRange(ifRange)
    // RFC 9110 13.1.5: anything but this very tag means the whole; dates are never exact here.
    if (condition?.kind !== 'tag' || !matchesStrongly(condition.tag, candidate.tag))
      return undefined
  }
  const outcome = resolveRange(fieldValue(request.headers, 'range'), size)
  if (outcome.kind === 'unsatisfiable') return 'unsatisfiable'
  return outcome.kind === 'ranges' && outcome.ranges.length === 1 ? outcome.ranges[0] : undefined
}

/** RFC 9110 13.1.1. */
function passesIfMatch(headers: RequestHeaders, to: Version): boolean {
  const text = fieldValue(headers, 'if-match')
  if (text === undefined) return true
  const tags = parseEntityTags(text)
  if (tags === '*') return true
  return tags?.some((tag) => !tag.weak && versionOfTag(tag) === to.sha256) ?? false
}

/** The tag of `If-None-Match` (RFC 9110 13.1.2) by which the client holds the version already. */
function heldTag(headers: RequestHeaders, to: Version): string | undefined {
  const tags = parseEntityTags(fieldValue(headers, 'if-none-match') ?? '')
  if (tags === undefined) return undefined
  if (tags === '*') return formatEntityTag(plainTag(to.sha256))
  const held: EntityTag | undefined = tags.find((tag) => versionOfTag(tag) === to.sha256)
  return held === undefined ? undefined : formatEntityTag({ weak: false, opaque: held.opaque })
}

/** Every request field that may select the answer; the same on all answers of one URL. */
function varyOf(resource: Resource): string {
  const fields = ['Content-ID']
  if (resource.formats.includes('gdiff')) fields.push('Differential-ID', 'A-IM')
  fields.push('Accept-Encoding')
  if (resource.formats.some((format) => format !== 'gdiff')) fields.push('Available-Dictionary')
  return fields.join(', ')
}

function cacheControl(policy: CachePolicy): string {
  const directives: string[] = [policy.audience, `max-age=${policy.maxAgeSeconds}`]
  directives.push(
    policy.staleSeconds > 0 ? `stale-while-revalidate=${policy.staleSeconds}` : 'must-revalidate',
  )
  return directives.join(', ')
}

/** Offers the current version as dictionary for what comes after it. */
function dictionaryUse(
  resource: Resource,
  to: Version,
  candidate: Candidate,
): Readonly<Record<string, string>> {
  const { caching, current, dictionaryFor, formats } = resource
  const lifetime = caching.maxAgeSeconds + caching.staleSeconds
  if (
    candidate.status !== 200 ||
    dictionaryFor === 'none' ||
    to.sha256 !== current.sha256 ||
    lifetime === 0 ||
    !formats.some((format) => format !== 'gdiff') ||
    to.size < representationLimits.dictionaryBytesMin ||
    to.size > representationLimits.dictionaryBytesMax
  ) {
    return {}
  }
  const match = dictionaryFor ?? patternOfPath(resource.path)
  return { 'Use-As-Dictionary': formatUseAsDictionary({ match }) }
}

function problem(
  status: 400 | 404 | 405 | 412 | 416,
  code: RepresentationProblem,
  headers: Readonly<Record<string, string>>,
): Representation {
  return {
    status,
    headers: {
      ...headers,
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
    },
    body: { kind: 'problem', code },
  }
}
