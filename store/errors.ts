import { ExitCode, errorArea } from '../protocol/index.ts'

/** Errors of what is kept on disk: files, objects, records, locks. */
export const storeError = errorArea('store', {
  LW_STORE_LOCKED: {
    status: 503,
    exit: ExitCode.locked,
    retryable: true,
    says: 'Another process uses this folder.',
  },
  LW_STORE_DISK_FULL: {
    status: 507,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The disk is full.',
  },
  LW_STORE_NO_PERMISSION: {
    status: 500,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'The operating system refuses access to a file or folder.',
  },
  LW_STORE_TOO_MANY_FILES: {
    status: 503,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'Too many files are open.',
  },
  LW_STORE_IO: {
    status: 500,
    exit: ExitCode.failed,
    retryable: false,
    says: 'A file could not be read or written.',
  },
  LW_STORE_NOT_A_FILE: {
    status: 500,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'A folder, pipe or device lies where a file belongs.',
  },
  LW_STORE_DIGEST_MISMATCH: {
    status: 422,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The bytes received are not the object that was announced.',
  },
  LW_STORE_OBJECT_DAMAGED: {
    status: 500,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'A stored object is damaged.',
  },
  LW_STORE_OBJECT_MISSING: {
    status: 404,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'An object is not in the store.',
  },
  LW_STORE_OBJECT_LEAVING: {
    status: 503,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'An object is being deleted at this moment.',
  },
  LW_STORE_PARTIAL: {
    status: 409,
    exit: ExitCode.failed,
    retryable: true,
    says: 'The partial object does not continue where the bytes begin.',
  },
  LW_STORE_UPLOAD_GONE: {
    status: 410,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The upload has ended or run out.',
  },
  LW_STORE_BUNDLE_GONE: {
    status: 409,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The making of the bundle was given up meanwhile.',
  },
  LW_STORE_NO_CHANNEL: {
    status: 404,
    exit: ExitCode.notFound,
    retryable: false,
    says: 'There is no such channel.',
  },
  LW_STORE_RECORDS_DAMAGED: {
    status: 500,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The records are damaged.',
  },
  LW_STORE_RECORDS_NEWER: {
    status: 500,
    exit: ExitCode.failed,
    retryable: false,
    says: 'The records were written by a newer version of Longwave.',
  },
  LW_STORE_RECORDS_URL: {
    status: 500,
    exit: ExitCode.usage,
    retryable: false,
    says: 'Not an address of records: expected sqlite:PATH.',
  },
  LW_STORE_LIMIT: {
    status: 413,
    exit: ExitCode.failed,
    retryable: false,
    says: 'More than the store takes at once.',
  },
})

/** Whether an error came from the operating system with one of these codes. */
export function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return codes.length === 0 || codes.includes(error.code as string)
}
