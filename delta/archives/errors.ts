import { ExitCode, errorArea } from '../../protocol/index.ts'

/** Errors of archive views and recipes that come from outside. */
export const archiveError = errorArea('delta archives', {
  LW_DELTA_ARCHIVE: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The archive cannot be rebuilt from its unpacked form.',
  },
})

/** Everything that is wrong with a view or recipe is this error. */
export function refused(detail: string): Error {
  return archiveError('LW_DELTA_ARCHIVE', { detail })
}
