import { ExitCode, errorArea } from '../protocol/index.ts'

/** Errors that every server answers with, or fails to start with. */
export const servingError = errorArea('serving', {
  LW_SERVE_PORT_IN_USE: {
    status: 500,
    exit: ExitCode.failed,
    retryable: false,
    says: 'Another program listens on that port.',
  },
  LW_SERVE_PORT_REFUSED: {
    status: 500,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'The system does not allow listening on that port.',
  },
  LW_SERVE_ADDRESS: {
    status: 500,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The address to listen on is not one of this machine.',
  },
  LW_SERVE_REQUEST: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The request is not well formed.',
  },
  LW_SERVE_TARGET: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The path of the request is not allowed.',
  },
  LW_SERVE_MISDIRECTED: {
    status: 421,
    exit: ExitCode.usage,
    retryable: false,
    says: 'This server does not forward requests to other servers.',
  },
  LW_SERVE_NOT_FOUND: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'There is nothing under that address.',
  },
  LW_SERVE_METHOD: {
    status: 405,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The method is not allowed here.',
  },
  LW_SERVE_BODY_TOO_LARGE: {
    status: 413,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The body of the request is larger than allowed.',
  },
  LW_SERVE_MEDIA_TYPE: {
    status: 415,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The body of the request has a media type that is not taken here.',
  },
  LW_SERVE_HEADERS_TOO_LARGE: {
    status: 431,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The head of the request is larger than allowed.',
  },
  LW_SERVE_CLIENT_GONE: {
    status: 400,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The client went away before its request was complete.',
  },
  LW_SERVE_TIMEOUT: {
    status: 408,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The request did not arrive in time.',
  },
  LW_SERVE_INTERNAL: {
    status: 500,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The server failed; its log says more under the request id.',
  },
  LW_SERVE_OBJECT_DAMAGED: {
    status: 503,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The server’s copy of these bytes is damaged.',
  },
  LW_SERVE_PACK_TOO_LARGE: {
    status: 413,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The objects that were asked for at once are too large for one answer.',
  },
  LW_SERVE_PACKS_BUSY: {
    status: 503,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The server puts as many packs of objects together as it can.',
  },
  LW_SERVE_EXPECTATION: {
    status: 417,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The server cannot do what the request expects of it.',
  },
  LW_SERVE_PRECONDITION: {
    status: 412,
    exit: ExitCode.failed,
    retryable: false,
    says: 'What lies there is another version than the request allows.',
  },
  LW_SERVE_RANGE: {
    status: 416,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The range lies outside of what lies there.',
  },
  LW_SERVE_STOPPING: {
    status: 503,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The server is stopping.',
  },
})
