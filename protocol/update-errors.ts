import { ExitCode, errorArea } from './errors.ts'

/** Errors of update requests and feedback, which tuners and transmitters both know. */
export const updateError = errorArea('updates', {
  LW_UPDATE_TUNER: {
    status: 401,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The update request names another tuner than the one that signed it.',
  },
  LW_UPDATE_CHANNEL: {
    status: 409,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The update request is for another channel than the one under this name.',
  },
  LW_UPDATE_REUSED: {
    status: 409,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The request id was used for another update request.',
  },
  LW_UPDATE_BUSY: {
    status: 503,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'Too many update requests are waiting.',
  },
  LW_UPDATE_OVERLAY: {
    status: 422,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The overlay is not one that this tuner may have.',
  },
  LW_UPDATE_REPLY: {
    status: 422,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The reply was not signed for this request by the key that the release names.',
  },
  LW_FEEDBACK_FULL: {
    status: 507,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'There is no room for more feedback; nothing of it was dropped, and nothing was added.',
  },
  LW_FEEDBACK_TOO_LARGE: {
    status: 413,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The feedback is larger than one entry may be.',
  },
  LW_FEEDBACK_GAP: {
    status: 409,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'Feedback is missing before the entries that were sent.',
  },
  LW_FEEDBACK_CLONED: {
    status: 409,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'Another copy of this tuner sends feedback: the disk was cloned or restored.',
  },
})
