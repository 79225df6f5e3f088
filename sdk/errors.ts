import { ExitCode, errorArea } from '../protocol/index.ts'

/** Errors of the library for channels. */
export const sdkError = errorArea('sdk', {
  LW_SDK_NO_TUNER: {
    status: 503,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'No tuner answers on the back channel.',
  },
  LW_SDK_NOT_LAUNCHED: {
    status: 500,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The program was not launched as a channel: it has neither socket nor data folder.',
  },
  LW_SDK_ANSWER: {
    status: 502,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The tuner answered something else than expected.',
  },
})
