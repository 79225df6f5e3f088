import { fieldValue, type RequestHeaders } from '../http-fields/index.ts'
import { type ContentIdentifier, readContentIdentifier, sameContent } from './content-identifier.ts'

/** What a DRP client does with the body of a reply. */
export type ReplyUse =
  /** Apply it to the file that the client named, then hash the result. */
  | { readonly kind: 'patch'; readonly result: ContentIdentifier | undefined }
  /** The body is the file; hash it. */
  | { readonly kind: 'whole'; readonly result: ContentIdentifier | undefined }
  /** Discard the body and ask again without `Differential-ID`. */
  | { readonly kind: 'discard'; readonly why: string }

/**
 * Judges a 200 by its headers (NOTE-drp 2.5): the media type tells whether it is a difference, and
 * a difference is applied only when the reply repeats the base that was asked from. The result's
 * hash decides in every case; a reply to an unaware server is simply the whole file.
 */
export function judgeReply(
  asked: {
    readonly wanted: ContentIdentifier | undefined
    readonly base: ContentIdentifier | undefined
  },
  headers: RequestHeaders,
): ReplyUse {
  const named = identifierIn(headers, 'content-id')
  const base = identifierIn(headers, 'differential-id')
  const type = (fieldValue(headers, 'content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  if (
    named !== undefined &&
    asked.wanted !== undefined &&
    named.algorithm === asked.wanted.algorithm &&
    !sameContent(named, asked.wanted)
  ) {
    return { kind: 'discard', why: 'the reply is another version' }
  }
  const result = asked.wanted ?? named
  if (base === undefined) return { kind: 'whole', result }
  if (type !== 'application/gdiff') return { kind: 'discard', why: 'not a GDIFF difference' }
  if (asked.base === undefined || !sameContent(base, asked.base)) {
    return { kind: 'discard', why: 'the difference is from another base' }
  }
  return { kind: 'patch', result }
}

function identifierIn(headers: RequestHeaders, name: string): ContentIdentifier | undefined {
  const text = fieldValue(headers, name)
  return text === undefined ? undefined : readContentIdentifier(text)
}
