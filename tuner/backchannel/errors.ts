import { ExitCode, errorArea } from '../../protocol/index.ts'

/** Errors of the local API of running channels. */
export const backChannelError = errorArea('back channel', {
  LW_CHANNEL_TOKEN: {
    status: 401,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'The token is not that of the channel.',
  },
  LW_CHANNEL_REQUEST: {
    status: 404,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The back channel has nothing under that address.',
  },
  LW_CHANNEL_BUSY: {
    status: 503,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The tuner is stopping.',
  },
})
