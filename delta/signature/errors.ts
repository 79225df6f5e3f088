import { ExitCode, errorArea } from '../../protocol/index.ts'

/** Errors of block signatures. */
export const signatureError = errorArea('delta signatures', {
  LW_DELTA_SIGNATURE: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The block signature does not have the form that its format asks for.',
  },
})
