import { ExitCode, errorArea } from '../protocol/index.ts'

/** Errors of the tuner. */
export const tunerError = errorArea('tuner', {
  LW_TUNER_DAMAGED: {
    status: 500,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'Files of the channel are not what was published.',
  },
  LW_TUNER_STATE_DAMAGED: {
    status: 500,
    exit: ExitCode.integrity,
    retryable: false,
    says: "The tuner's state of the channel cannot be read.",
  },
  LW_TUNER_INDEX: {
    status: 502,
    exit: ExitCode.failed,
    retryable: true,
    says: 'The index cannot be followed.',
  },
  LW_TUNER_UNSIGNED: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'Nobody signs a bare index: what it lists is only as right as its server.',
  },
  LW_TUNER_NO_CHANNEL: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'No such subscription.',
  },
  LW_TUNER_CLOSED: {
    status: 403,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'The channel is closed to this tuner.',
  },
  LW_TUNER_TOKEN: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'That is no token.',
  },
  LW_TUNER_NO_GENERATION: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'There is no such release on this machine.',
  },
  LW_TUNER_NOT_TRUSTED: {
    status: 403,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'The channel wants to run without a sandbox, and nobody has granted it that.',
  },
  LW_TUNER_NOTHING_TO_LAUNCH: {
    status: 400,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The channel names nothing that could be launched.',
  },
  LW_TUNER_NAME_TAKEN: {
    status: 409,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The name is subscribed already.',
  },
  LW_TUNER_FOLDER_REFUSED: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The folder cannot be synchronized.',
  },
  LW_TUNER_FOLDER_NOT_EMPTY: {
    status: 409,
    exit: ExitCode.usage,
    retryable: false,
    says: 'The folder is not empty.',
  },
  LW_TUNER_NOTHING_TO_UNDO: {
    status: 409,
    exit: ExitCode.failed,
    retryable: false,
    says: 'There is no earlier release to go back to.',
  },
  LW_TUNER_PATH_TOO_LONG: {
    status: 422,
    exit: ExitCode.failed,
    retryable: false,
    says: 'A path of the release is longer than the system takes below the folder.',
  },
  LW_TUNER_DISK_SPACE: {
    status: 507,
    exit: ExitCode.failed,
    retryable: true,
    says: 'The disk has not enough room for the update.',
  },
  LW_TUNER_FOLDER_GONE: {
    status: 503,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The synchronized folder is not there.',
  },
  LW_TUNER_PROTECTED: {
    status: 409,
    exit: ExitCode.failed,
    retryable: false,
    says: 'A protected file is in the way of the release.',
  },
  LW_TUNER_FIRST_USE: {
    status: 403,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The channel must be trusted by its fingerprint, and none was given.',
  },
  LW_TUNER_REQUIRES: {
    status: 400,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The channel needs what this version cannot do.',
  },
  LW_TUNER_POLICY: {
    status: 403,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: "The administrator's rule forbids it.",
  },
  LW_TUNER_POLICY_DAMAGED: {
    status: 500,
    exit: ExitCode.usage,
    retryable: false,
    says: "The administrator's rule cannot be read.",
  },
  LW_TUNER_NO_PROXY: {
    status: 502,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The proxy of this site cannot be used.',
  },
  LW_TUNER_CONTROL: {
    status: 502,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The running tuner did not answer.',
  },
})
