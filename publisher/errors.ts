import { ExitCode, errorArea } from '../protocol/index.ts'

/** Errors of scanning, signing and sending a release. */
export const publishError = errorArea('publisher', {
  LW_PUBLISH_NO_DIRECTORY: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'There is no directory to publish at this path.',
  },
  LW_PUBLISH_HOLDS_KEYS: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: "The directory holds Longwave's own home or output folder, which must not be published.",
  },
  LW_PUBLISH_SPECIAL_FILE: {
    status: 400,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The directory holds sockets, pipes or devices, which cannot be published.',
  },
  LW_PUBLISH_NAME_NOT_UTF8: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The directory holds names that are not UTF-8.',
  },
  LW_PUBLISH_LINK_OUTSIDE: {
    status: 400,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The directory holds symbolic links that lead out of it.',
  },
  LW_PUBLISH_UNREADABLE: {
    status: 403,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'Some files or folders cannot be read.',
  },
  LW_PUBLISH_FILE_CHANGING: {
    status: 409,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'A file changed while it was read.',
  },
  LW_PUBLISH_NOT_PORTABLE: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The directory holds names that Windows refuses.',
  },
  LW_PUBLISH_TOO_LARGE: {
    status: 413,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The directory is beyond the limits of a release.',
  },
  LW_PUBLISH_ATTRIBUTE: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'An attribute of the channel does not have the form that it needs.',
  },
  LW_PUBLISH_TOKEN_MISSING: {
    status: 401,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'Publishing to this transmitter needs a token.',
  },
  LW_PUBLISH_KEYS_MISSING: {
    status: 403,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'This home holds no key that may sign releases of the channel.',
  },
  LW_PUBLISH_SIGNATURES_MISSING: {
    status: 403,
    exit: ExitCode.partial,
    retryable: false,
    says: 'The channel asks for more signatures than this home can give.',
  },
  LW_PUBLISH_ONLINE_KEY: {
    status: 409,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The transmitter shows another online key than the one that the channel pinned.',
  },
  LW_PUBLISH_WRONG_ANSWER: {
    status: 502,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The transmitter answered something else than what was asked.',
  },
  LW_PUBLISH_CONFLICT: {
    status: 409,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'Another publisher was faster.',
  },
  LW_PUBLISH_ENDED: {
    status: 410,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The channel has ended; its name stays reserved.',
  },
  LW_PUBLISH_NO_CHANNEL: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'There is no such channel.',
  },
  LW_PUBLISH_NO_RELEASE: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'The channel has no such release any more.',
  },
  LW_PUBLISH_RELEASE_UNVERIFIED: {
    status: 409,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The old release cannot be verified with the keys that hold today.',
  },
  LW_PUBLISH_STATE_DAMAGED: {
    status: 500,
    exit: ExitCode.integrity,
    retryable: false,
    says: "The publisher's record of the channel is damaged.",
  },
})
