import { isLongwaveError } from '../protocol/index.ts'
import {
  type FileSystem,
  readFileIfPresent,
  writeFileDurably,
} from '../store/durable-files/index.ts'
import { limits } from './limits.ts'
import { type TrustState, encodeTrustState, parseTrustState, stateDamaged } from './trust-state.ts'

/**
 * Loads the trust of a channel. Without the option `mustExist` a missing file is undefined; a
 * caller that has verified the channel before passes it, because a lost file is damage too.
 * @throws LW_TRUST_STATE_DAMAGED
 */
export async function loadTrustState(
  fs: FileSystem,
  file: string,
  options: { readonly mustExist?: boolean } = {},
): Promise<TrustState | undefined> {
  const bytes = await read(fs, file)
  if (bytes !== undefined) return parseTrustState(bytes)
  if (options.mustExist === true) throw stateDamaged('The file is gone.')
  return undefined
}

async function read(fs: FileSystem, file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFileIfPresent(fs, file, { bytesMax: limits.stateBytesMax })
  } catch (error) {
    if (isLongwaveError(error, 'LW_STORE_LIMIT')) throw stateDamaged('It is too large.', error)
    if (isLongwaveError(error, 'LW_STORE_NOT_A_FILE')) throw stateDamaged('It is no file.', error)
    throw error
  }
}

/** Saves the trust of a channel: after a crash the file holds the old state or the new one. */
export async function saveTrustState(
  fs: FileSystem,
  file: string,
  state: TrustState,
): Promise<void> {
  await writeFileDurably(fs, file, encodeTrustState(state), { mode: 0o600 })
}
