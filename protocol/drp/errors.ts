import { ExitCode, errorArea } from '../errors.ts'

/** Errors of DRP documents and identifiers. */
export const drpError = errorArea('drp', {
  LW_DRP_CONTENT_ID: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'Not a DRP content identifier.',
  },
  LW_DRP_CONTENT_ID_UNAVAILABLE: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'This version of the file is not available any more.',
  },
  LW_DRP_INDEX: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'Not a DRP index.',
  },
  LW_DRP_INDEX_UNWRITABLE: {
    status: 501,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The release has a name that a DRP index cannot hold.',
  },
})
