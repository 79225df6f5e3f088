import { ExitCode, errorArea } from '../protocol/index.ts'

/** Errors of the proxy. */
export const proxyError = errorArea('proxy', {
  LW_PROXY_ORIGIN: {
    status: 403,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'This proxy does not go to that origin.',
  },
  LW_PROXY_ORIGIN_UNFIT: {
    status: 500,
    exit: ExitCode.usage,
    retryable: false,
    says: 'An origin for the proxy is not the URL of a transmitter.',
  },
  LW_PROXY_TARGET: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'The proxy does not forward requests for that.',
  },
  LW_PROXY_UPSTREAM: {
    status: 502,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The transmitter behind the proxy could not be reached.',
  },
  LW_PROXY_UPSTREAM_SLOW: {
    status: 504,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The transmitter behind the proxy did not answer in time.',
  },
  LW_PROXY_ANSWER: {
    status: 502,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The transmitter behind the proxy gave an answer that cannot be used.',
  },
  LW_PROXY_WRONG_BYTES: {
    status: 502,
    exit: ExitCode.integrity,
    retryable: true,
    says: 'The bytes from behind the proxy are not those that their address names.',
  },
  LW_PROXY_NOT_CACHED: {
    status: 404,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The cache does not hold what the bundle would be made from.',
  },
  LW_PROXY_BUSY: {
    status: 503,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'Too many requests wait in the proxy.',
  },
})
