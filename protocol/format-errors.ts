import { ExitCode, errorArea } from './errors.ts'

/** Errors of bytes, names and documents that are not what they should be. */
export const formatError = errorArea('protocol', {
  LW_FORMAT_JSON: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The document is not canonical JSON.',
  },
  LW_FORMAT_DOCUMENT: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The document does not have the form that its format asks for.',
  },
  LW_FORMAT_TOO_LARGE: {
    status: 413,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The document is larger than its limit.',
  },
  LW_FORMAT_DIGEST: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'Not a SHA-256 digest in lower-case hexadecimal.',
  },
  LW_FORMAT_PATH: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The path cannot be distributed.',
  },
  LW_FORMAT_PATH_COLLISION: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'Two names are the same file on some systems.',
  },
  LW_FORMAT_CHANNEL_NAME: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'Not a channel name: it takes 1 to 64 of a-z 0-9 . _ - and starts with a letter or digit.',
  },
  LW_FORMAT_CHANNEL_URL: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'Not a channel URL: expected http(s)://host[:port][/prefix]/NAME.',
  },
  LW_FORMAT_SCHEDULE: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'Not a schedule.',
  },
})
