import { ExitCode, errorArea } from '../../protocol/index.ts'

/** Errors of dictionary-coded bodies. */
export const dictionaryError = errorArea('dictionary', {
  LW_DELTA_DICTIONARY: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The dictionary-coded body is damaged or belongs to another dictionary.',
  },
  LW_DELTA_DICTIONARY_LIMIT: {
    status: 413,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The file is too large to be coded with a dictionary.',
  },
})
