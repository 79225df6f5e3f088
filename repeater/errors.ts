import { ExitCode, errorArea } from '../protocol/index.ts'

/** Errors of the repeater. */
export const repeaterError = errorArea('repeater', {
  LW_REPEATER_ASK_ORIGIN: {
    status: 421,
    exit: ExitCode.failed,
    retryable: false,
    says: 'A repeater takes no update requests: send them to the origin.',
  },
  LW_REPEATER_NO_CHANNEL: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'The repeater serves no such channel.',
  },
  LW_REPEATER_NO_OBJECT: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'The repeater’s copy of the channel refers to no such object.',
  },
  LW_REPEATER_NO_RELEASE: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'The repeater serves no such release as its newest.',
  },
  LW_REPEATER_TICKET: {
    status: 401,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'The channel is closed: reading it needs a ticket of its origin.',
  },
  LW_REPEATER_ORIGIN: {
    status: 500,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The origin is not the URL of a transmitter.',
  },
  LW_REPEATER_REFUSED: {
    status: 502,
    exit: ExitCode.accessDenied,
    retryable: true,
    says: 'The origin refuses the repeater’s token.',
  },
  LW_REPEATER_BEHIND: {
    status: 502,
    exit: ExitCode.integrity,
    retryable: true,
    says: 'The origin’s head is older than what is served here.',
  },
})
