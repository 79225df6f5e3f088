import { ExitCode, errorArea } from '../protocol/index.ts'

/** Errors of bringing bytes over the network. */
export const transferError = errorArea('transport', {
  LW_TRANSFER_URL: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'Not a URL that can be fetched.',
  },
  LW_TRANSFER_ORIGIN: {
    status: 403,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'The server is not one that this program was told to contact.',
  },
  LW_TRANSFER_PROXY: {
    status: 502,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The proxy setting cannot be used.',
  },
  LW_TRANSFER_PROXY_DENIED: {
    status: 502,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'The HTTP proxy refused the connection.',
  },
  LW_TRANSFER_UNREACHABLE: {
    status: 502,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The server cannot be reached.',
  },
  LW_TRANSFER_TLS: {
    status: 502,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The server could not prove who it is.',
  },
  LW_TRANSFER_STALLED: {
    status: 504,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The server stopped sending.',
  },
  LW_TRANSFER_TIMEOUT: {
    status: 504,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The answer took too long.',
  },
  LW_TRANSFER_BROKEN: {
    status: 502,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The connection broke.',
  },
  LW_TRANSFER_CUT: {
    status: 502,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The answer ended before it was complete.',
  },
  LW_TRANSFER_ENDLESS: {
    status: 502,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The server sends more bytes than it may.',
  },
  LW_TRANSFER_LENGTH: {
    status: 502,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The server has bytes of another length than the signed one.',
  },
  LW_TRANSFER_RANGE: {
    status: 502,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The server answers with other bytes than the part that was asked for.',
  },
  LW_TRANSFER_ENCODED: {
    status: 502,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The answer carries a content coding that nobody asked for.',
  },
  LW_TRANSFER_ANSWER: {
    status: 502,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The server gave an answer that HTTP does not allow here.',
  },
  LW_TRANSFER_REDIRECT: {
    status: 502,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The server points somewhere else, where this program does not follow.',
  },
  LW_TRANSFER_DENIED: {
    status: 403,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'The server refused access.',
  },
  LW_TRANSFER_NOT_FOUND: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'The server has nothing under that address.',
  },
  LW_TRANSFER_BUSY: {
    status: 503,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The server asks to come back later.',
  },
  LW_TRANSFER_SERVER: {
    status: 502,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The server failed.',
  },
  LW_TRANSFER_REFUSED: {
    status: 502,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The server refused the request.',
  },
  LW_TRANSFER_ABORTED: {
    status: 499,
    exit: ExitCode.interrupted,
    retryable: false,
    says: 'The transfer was stopped.',
  },
})
