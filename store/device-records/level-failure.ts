import { isLongwaveError } from '../../protocol/index.ts'
import { storeError } from '../errors.ts'
import { damage } from './sealed-values.ts'

/** The error for the reader that stands for one of LevelDB's. */
export function levelFailure(error: unknown): unknown {
  if (!(error instanceof Error) || isLongwaveError(error)) return error
  const { code, message } = innermost(error)
  if (code === 'LEVEL_LOCKED') {
    return storeError('LW_STORE_LOCKED', {
      detail: 'The records are open in another process.',
      untouched: 'Nothing was changed.',
      cause: error,
    })
  }
  if (/No space left|Disk quota/.test(message)) {
    return storeError('LW_STORE_DISK_FULL', { detail: 'Records were being kept.', cause: error })
  }
  if (/Permission denied|Read-only file system/.test(message)) {
    return storeError('LW_STORE_NO_PERMISSION', { detail: 'Records were in use.', cause: error })
  }
  if (/Too many open files/.test(message)) {
    return storeError('LW_STORE_TOO_MANY_FILES', { detail: 'Records were in use.', cause: error })
  }
  if (code === 'LEVEL_CORRUPTION' || code === 'LEVEL_OPEN_FAILED' || isAbsence(message)) {
    return damage('The database of records does not open or read.', error)
  }
  if (code.startsWith('LEVEL_')) {
    return storeError('LW_STORE_IO', { detail: 'Records were in use.', cause: error })
  }
  return error
}

/** A file that is missing, another kind of thing, or shorter than its own index says. */
function isAbsence(message: string): boolean {
  return /does not exist|No such file|Is a directory|Not a directory|Invalid argument/.test(message)
}

function innermost(error: Error): { readonly code: string; readonly message: string } {
  let inner = error
  for (let depth = 0; depth < 8 && inner.cause instanceof Error; depth++) inner = inner.cause
  return { code: 'code' in inner ? String(inner.code) : '', message: inner.message }
}
