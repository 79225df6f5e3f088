import { ExitCode, errorArea } from '../../protocol/index.ts'

/** What goes wrong with plug-ins. */
export const pluginError = errorArea('plug-ins', {
  LW_PLUGIN_MODULE: {
    status: 422,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The plug-in is not the one that the release names.',
  },
  LW_PLUGIN_SETTINGS: {
    status: 413,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The settings of the plug-in are too long.',
  },
  LW_PLUGIN_DOWN: {
    status: 503,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The plug-in does not run.',
  },
  LW_PLUGIN_BUSY: {
    status: 503,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'Too many calls wait for the plug-in.',
  },
  LW_PLUGIN_TIMEOUT: {
    status: 504,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The plug-in took too long.',
  },
  LW_PLUGIN_FAILED: {
    status: 500,
    exit: ExitCode.failed,
    retryable: true,
    says: 'The plug-in failed.',
  },
  LW_PLUGIN_ANSWER: {
    status: 500,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The plug-in answered what it may not answer.',
  },
})
