import { type LongwaveError, isLongwaveError } from '../protocol/index.ts'
import { transferError } from './errors.ts'

const unreachable = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_NODATA',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** OpenSSL's verification results and what Node adds to them. */
const untrusted =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH|CRL_|ERR_TLS_)/

/** TLS versions or ciphers without a common one, and servers that do not speak TLS at all. */
const noCommonTls =
  /^(EPROTO$|ERR_SSL_(WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS_AVAILABLE|PACKET_LENGTH_TOO_LONG|.*(PROTOCOL_VERSION|HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY)$))/

const explanations: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the name server does not answer',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to the network',
  UND_ERR_CONNECT_TIMEOUT: 'it does not take the connection in time',
  UND_ERR_SOCKET: 'it closed the connection before its answer was complete',
  ECONNRESET: 'it reset the connection',
  EPIPE: 'it closed the connection while the request was on its way',
  ETIMEDOUT: 'it does not answer any more',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet, or the clock is wrong',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an unknown authority',
}

/**
 * Turns what the HTTP client threw into one of our errors. Our own errors pass unchanged.
 * LW_TRANSFER_UNREACHABLE means that the request was never sent.
 */
export function toTransferError(cause: unknown, url: URL): LongwaveError {
  if (isLongwaveError(cause)) return cause
  const code = codeOf(cause)
  const server = `${url.host}`
  // The HTTP client's own codes tell people nothing; the cause keeps them.
  const why = explanations[code] ?? (code.startsWith('UND_ERR_') ? '' : code)
  const detail = why === '' ? `Server: ${server}.` : `Server: ${server}: ${why}.`
  if (unreachable.has(code) || syscallOf(cause) === 'connect') {
    return transferError('LW_TRANSFER_UNREACHABLE', { detail, cause })
  }
  if (untrusted.test(code) || noCommonTls.test(code)) {
    return transferError('LW_TRANSFER_TLS', { detail, cause })
  }
  switch (code) {
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return transferError('LW_TRANSFER_STALLED', { detail: `Server: ${server}.`, cause })
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return transferError('LW_TRANSFER_CUT', { detail: `Server: ${server}.`, cause })
    case 'UND_ERR_HEADERS_OVERFLOW':
    case 'HPE_HEADER_OVERFLOW':
      return transferError('LW_TRANSFER_ENDLESS', {
        detail: `The headers of ${server} have no end.`,
        cause,
      })
    case 'UND_ERR_CLOSED':
    case 'UND_ERR_DESTROYED':
      return transferError('LW_TRANSFER_ABORTED', { cause })
    case 'UND_ERR_INVALID_ARG':
      return transferError('LW_TRANSFER_URL', { detail: 'The request cannot be written.', cause })
    default:
      return transferError('LW_TRANSFER_BROKEN', { detail, cause })
  }
}

function codeOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string' && at.code !== 'UND_ERR_INFO') return at.code
  }
  return ''
}

function syscallOf(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error ? String(error.syscall) : undefined
}
