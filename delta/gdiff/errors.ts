import { ExitCode, errorArea } from '../../protocol/index.ts'

/** Errors of reading GDIFF differences. */
export const gdiffError = errorArea('gdiff', {
  LW_DELTA_GDIFF: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The GDIFF difference is damaged or does not belong to this file.',
  },
})
