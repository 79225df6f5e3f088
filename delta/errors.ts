import { ExitCode, errorArea } from '../protocol/index.ts'

/** Errors of making and applying deltas. */
export const deltaError = errorArea('delta', {
  LW_DELTA_FORMAT: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The delta is damaged or in a format that this version does not read.',
  },
  LW_DELTA_LIMIT: {
    status: 413,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The delta asks for more than the signed release or the limits allow.',
  },
  LW_DELTA_BASE: {
    status: 409,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The delta was made against another base.',
  },
  LW_DELTA_RESULT: {
    status: 409,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'Applying the delta did not give the signed release.',
  },
  LW_DELTA_MAKE: {
    status: 500,
    exit: ExitCode.failed,
    retryable: true,
    says: 'The delta could not be made.',
  },
  LW_DELTA_EXISTS: {
    status: 409,
    exit: ExitCode.usage,
    retryable: false,
    says: 'Something lies where the result belongs.',
  },
  LW_DELTA_CANCELLED: {
    status: 499,
    exit: ExitCode.interrupted,
    retryable: true,
    says: 'Making or applying the delta was cancelled.',
  },
})
