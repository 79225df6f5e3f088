import { ExitCode, errorArea } from '../protocol/index.ts'

/** Errors of the transmitter. */
export const transmitterError = errorArea('transmitter', {
  LW_TRANSMIT_NO_CHANNEL: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'No such channel.',
  },
  LW_TRANSMIT_NO_RELEASE: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'No such release.',
  },
  LW_TRANSMIT_NO_OBJECT: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'The channel refers to no such object.',
  },
  LW_TRANSMIT_NO_FILE: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'The channel has no such file.',
  },
  LW_TRANSMIT_NO_UPLOAD: {
    status: 404,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'No such upload; it may have run out. Publish again: what arrived is kept.',
  },
  LW_TRANSMIT_TOO_MANY_UPLOADS: {
    status: 429,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'Too many uploads to this channel are open.',
  },
  LW_TRANSMIT_TOKEN: {
    status: 401,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'Publishing needs a token that this transmitter knows.',
  },
  LW_TRANSMIT_CLOSED: {
    status: 401,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'The channel is closed: reading it needs an authorisation.',
  },
  LW_TRANSMIT_TOKEN_UNFIT: {
    status: 400,
    exit: ExitCode.usage,
    retryable: false,
    says: 'Such a token cannot be made.',
  },
  LW_TRANSMIT_CONFLICT: {
    status: 409,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'Another release was published meanwhile.',
  },
  LW_TRANSMIT_INCOMPLETE: {
    status: 409,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'Objects of the release have not arrived yet.',
  },
  LW_TRANSMIT_WRONG_MANIFEST: {
    status: 422,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The manifest does not belong to this channel and release.',
  },
  LW_TRANSMIT_NOTHING: {
    status: 422,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The commit changes nothing.',
  },
  LW_TRANSMIT_PLUGIN: {
    status: 403,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'This transmitter takes no plug-in for the channel.',
  },
  LW_TRANSMIT_UNEXPECTED_PART: {
    status: 400,
    exit: ExitCode.failed,
    retryable: false,
    says: 'A part of the upload is not one that this release lacks.',
  },
  LW_TRANSMIT_BROKEN_UPLOAD: {
    status: 400,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The upload broke off or is not well-formed multipart/form-data.',
  },
  LW_TRANSMIT_BUNDLE_USELESS: {
    status: 404,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The bundle is not smaller than the objects that it replaces.',
  },
  LW_TRANSMIT_INDEX_UNAVAILABLE: {
    status: 404,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The index is not to be had in that form.',
  },
  LW_TRANSMIT_NAME_TAKEN: {
    status: 409,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The name belongs to another channel for ever.',
  },
  LW_TRANSMIT_ENDED: {
    status: 410,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The channel was ended by its publisher.',
  },
  LW_TRANSMIT_TOO_MANY_PROCESSES: {
    status: 503,
    exit: ExitCode.locked,
    retryable: true,
    says: 'Too many transmitters use this data.',
  },
  LW_TRANSMIT_NOT_EMPTY: {
    status: 409,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The folder is not empty.',
  },
  LW_TRANSMIT_NO_DATA: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'The folder holds no transmitter’s data.',
  },
  LW_TRANSMIT_BACKUP_UNFIT: {
    status: 422,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The folder holds no complete backup.',
  },
})
