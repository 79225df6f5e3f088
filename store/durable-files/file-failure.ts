import { isErrno, storeError } from '../errors.ts'

/**
 * The error for the reader that stands for one of the operating system's; others, programming
 * mistakes among them, come back as they are.
 * @param doing what was being done, as the end of "while …", without paths that a remote peer must
 *   not see (S75)
 */
export function fileFailure(
  error: unknown,
  doing: string,
  extra: { readonly untouched?: string; readonly next?: string } = {},
): unknown {
  if (!isSystemError(error)) return error
  return storeError(codeOf(error), {
    detail: `It happened while ${doing}.`,
    cause: error,
    ...extra,
  })
}

/** Awaits a file operation and throws its failure as an error for the reader. */
export async function orFileFailure<T>(work: Promise<T>, doing: string): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw fileFailure(error, doing)
  }
}

function isSystemError(error: unknown): boolean {
  return isErrno(error) && 'errno' in (error as Error)
}

function codeOf(error: unknown): Parameters<typeof storeError>[0] {
  if (isErrno(error, 'ENOSPC', 'EDQUOT')) return 'LW_STORE_DISK_FULL'
  if (isErrno(error, 'EACCES', 'EPERM', 'EROFS')) return 'LW_STORE_NO_PERMISSION'
  if (isErrno(error, 'EMFILE', 'ENFILE')) return 'LW_STORE_TOO_MANY_FILES'
  return 'LW_STORE_IO'
}
