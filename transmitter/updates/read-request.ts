import type { FastifyRequest } from 'fastify'
import {
  type Digest,
  digestOf,
  isTime,
  limits,
  parseDocument,
  tunerHeader,
  updateError,
  UpdateRequest,
} from '../../protocol/index.ts'
import { servingError, unpackBody } from '../../serving/index.ts'
import type { FeedbackEntryRecord } from '../../store/server-records/index.ts'
import { checkRequest } from '../../trust/index.ts'

/** An update request whose signature was verified. */
export interface SignedRequest {
  readonly body: UpdateRequest
  readonly tuner: Digest
  /** SHA-256 of the signed bytes. */
  readonly digest: Digest
}

/**
 * Reads and verifies an update request: nothing of it is looked at before its signature is known to
 * be the tuner's that it names.
 * @throws LW_TRUST_REQUEST_SIGNATURE, LW_UPDATE_TUNER, LW_FORMAT_…, LW_SERVE_…
 */
export async function readRequest(request: FastifyRequest): Promise<SignedRequest> {
  const bytes = await bodyOf(request)
  const header = request.headers[tunerHeader]
  const tuner = await checkRequest(bytes, typeof header === 'string' ? header : '')
  const body = parseDocument(UpdateRequest, bytes)
  if (body.tuner !== tuner) throw updateError('LW_UPDATE_TUNER')
  return { body, tuner, digest: digestOf(bytes) }
}

async function bodyOf(request: FastifyRequest): Promise<Buffer> {
  const { body } = request
  if (!Buffer.isBuffer(body)) throw servingError('LW_SERVE_REQUEST', { detail: 'It has no body.' })
  const coding = request.headers['content-encoding']
  if (coding === undefined || coding === 'identity') return body
  if (coding !== 'br') throw servingError('LW_SERVE_MEDIA_TYPE')
  return unpackBody(body, limits.updateRequestBytesMax)
}

/**
 * The feedback of a request as it goes into the log.
 * @throws LW_FEEDBACK_TOO_LARGE, LW_FEEDBACK_GAP
 */
export function entriesOf(
  body: UpdateRequest,
  options: { readonly nowMs: number; readonly clockSkewMs: number },
): readonly FeedbackEntryRecord[] {
  const entries = body.feedback?.entries ?? []
  const first = entries[0]?.sequence ?? 0
  return entries.map((entry, at) => {
    if (entry.sequence !== first + at) {
      throw updateError('LW_FEEDBACK_GAP', { detail: 'The entries of one request have a gap.' })
    }
    const data = Buffer.from(entry.data, 'base64')
    if (data.byteLength > limits.feedbackEntryBytesMax) throw updateError('LW_FEEDBACK_TOO_LARGE')
    const { sequence, nonce, type } = entry
    return { sequence, nonce, type, data, appendedAtMs: timeOf(entry.at, options) }
  })
}

/** The tuner's word, where it can be true. */
function timeOf(
  text: string,
  { nowMs, clockSkewMs }: { readonly nowMs: number; readonly clockSkewMs: number },
): number {
  const ms = isTime(text.replace(/\.\d{1,3}Z$/, 'Z')) ? Date.parse(text) : Number.NaN
  return ms >= 0 && ms <= nowMs + clockSkewMs ? ms : nowMs
}
