import { ExitCode, errorArea } from '../protocol/index.ts'

/** Errors of fetching a release. */
export const mirroringError = errorArea('mirroring', {
  LW_MIRROR_OBJECT: {
    status: 502,
    exit: ExitCode.integrity,
    retryable: true,
    says: 'An object did not have the bytes that its digest names.',
  },
  LW_MIRROR_MANIFEST: {
    status: 502,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The manifest is not the one that was signed.',
  },
  LW_MIRROR_PACK: {
    status: 502,
    exit: ExitCode.integrity,
    retryable: true,
    says: 'A pack of objects is not what was asked for.',
  },
  LW_MIRROR_OBJECT_GONE: {
    status: 502,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'An object of the release is not to be had; a newer release may have replaced it.',
  },
  LW_MIRROR_NO_SOURCE: {
    status: 502,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'No server could deliver the release.',
  },
})
