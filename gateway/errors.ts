import { ExitCode, errorArea } from '../protocol/index.ts'

/** Errors of the gateway. */
export const gatewayError = errorArea('gateway', {
  LW_GATEWAY_PATH: {
    status: 500,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The path is not one below which a transmitter can be put.',
  },
  LW_GATEWAY_UPSTREAM: {
    status: 500,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The transmitter behind the web server must be named by its URL, without a path.',
  },
})
