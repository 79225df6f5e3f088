import { transportLimits as limits } from './limits.ts'

const fieldName = /^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/
const ours = /^(host|connection|transfer-encoding|accept-encoding|proxy-.*)$/

/**
 * The caller's header fields, names in lower case.
 * @throws TypeError for fields that would change the framing or the route: a programmer's mistake
 */
export function requestHeaders(options: {
  readonly headers?: Readonly<Record<string, string>>
  readonly authorization?: string | undefined
}): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    const lower = name.toLowerCase()
    if (!fieldName.test(lower) || !fieldValue.test(value) || ours.test(lower)) {
      throw new TypeError(`the header field ${JSON.stringify(name)} cannot be sent`)
    }
    headers[lower] = value
  }
  if (options.authorization !== undefined) {
    if (!fieldValue.test(options.authorization)) {
      throw new TypeError('the credentials cannot be sent in a header field')
    }
    headers['authorization'] = options.authorization
  }
  if (Object.keys(headers).length > limits.requestHeadersMax) {
    throw new TypeError('too many header fields')
  }
  return headers
}
