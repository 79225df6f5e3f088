import { fieldValue, type RequestHeaders } from '../http-fields/index.ts'
import { type ContentIdentifier, parseContentIdentifier } from './content-identifier.ts'

/**
 * The identifier in `Content-ID` or `Differential-ID` (RFC 4229 2.1.26, 2.1.36); undefined when the
 * field is absent or holds a message id in angle brackets, which is MIME's field of that name.
 * @throws LW_DRP_CONTENT_ID for anything else
 */
export function contentIdentifierIn(
  headers: RequestHeaders,
  name: 'content-id' | 'differential-id',
): ContentIdentifier | undefined {
  if (headers[name] === undefined) return undefined
  const text = fieldValue(headers, name) ?? ''
  return text.startsWith('<') ? undefined : parseContentIdentifier(text)
}
