import { isLongwaveError } from '../protocol/index.ts'
import { type FileSystem, readFileIfPresent } from '../store/durable-files/index.ts'
import { tunerError } from './errors.ts'

/** Something else than a file, or one that the tuner never wrote. */
const damage: ReadonlySet<string> = new Set(['LW_STORE_NOT_A_FILE', 'LW_STORE_LIMIT'])

/**
 * A small file of the tuner's state; undefined when there is none.
 * @throws LW_TUNER_STATE_DAMAGED when a folder, a pipe or a file of another size lies there:
 *   damage of one channel, which must not hide the others
 */
export async function readStateFile(
  fs: FileSystem,
  file: string,
  options: { readonly bytesMax: number; readonly next: string },
): Promise<Buffer | undefined> {
  const { bytesMax, next } = options
  try {
    return await readFileIfPresent(fs, file, { bytesMax })
  } catch (cause) {
    if (!isLongwaveError(cause) || !damage.has(cause.code)) throw cause
    throw tunerError('LW_TUNER_STATE_DAMAGED', { detail: `${file}.`, next, cause })
  }
}
