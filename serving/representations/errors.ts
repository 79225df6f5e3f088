import { ExitCode, errorArea } from '../../protocol/index.ts'

/** Errors of asking for a file in a form that cannot be answered. */
export const representationError = errorArea('representations', {
  LW_REPRESENTATION_METHOD: {
    status: 405,
    exit: ExitCode.failed,
    retryable: false,
    says: 'This address can only be read.',
  },
  LW_REPRESENTATION_RANGE: {
    status: 416,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The range lies outside the file.',
  },
  LW_REPRESENTATION_PRECONDITION: {
    status: 412,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The file is another version than the request allows.',
  },
})
