import { ExitCode, errorArea } from '../../protocol/index.ts'

/** Errors of the reference part of a bundle. */
export const referenceError = errorArea('delta-references', {
  LW_DELTA_REFERENCES: {
    status: 422,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The reference part of the delta is damaged.',
  },
})
