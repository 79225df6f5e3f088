import { ExitCode, errorArea } from '../../protocol/index.ts'

/** Errors of the command line itself. */
export const cliError = errorArea('cli', {
  LW_CLI_USAGE: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The command line cannot be understood.',
  },
  LW_CLI_CONFIG: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The configuration cannot be used.',
  },
  LW_CLI_NO_SERVER: {
    status: 502,
    exit: ExitCode.failed,
    retryable: false,
    says: 'What answers there is no Longwave server.',
  },
  LW_CLI_SYSTEM: {
    status: 500,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The operating system refused something.',
  },
  LW_CLI_REFUSED: {
    status: 400,
    exit: ExitCode.failed,
    retryable: false,
    says: 'It was not confirmed.',
  },
})
