import type { Manifest } from '../../protocol/index.ts'
import { tunerError } from '../errors.ts'
import { updateLimits as limits } from './limits.ts'

/**
 * Refuses a release before its files are downloaded when one of its paths would be longer, below
 * the folder where it is to lie, than the system takes.
 * @throws LW_TUNER_PATH_TOO_LONG
 */
export function requirePathRoom(manifest: Manifest, directory: string): void {
  const roomBytes = limits.pathBytesMax - limits.pathReserveBytes - Buffer.byteLength(directory)
  for (const { path } of manifest.entries) {
    const bytes = Buffer.byteLength(path)
    if (bytes <= roomBytes) continue
    const shown = path.length > limits.pathShownCharacters ? '…' : ''
    throw tunerError('LW_TUNER_PATH_TOO_LONG', {
      detail:
        `${JSON.stringify(path.slice(0, limits.pathShownCharacters))}${shown} has ${bytes} bytes;` +
        ` below ${directory} there is room for ${Math.max(0, roomBytes)}.`,
      members: { pathBytes: bytes, roomBytes: Math.max(0, roomBytes) },
      untouched: 'The channel is as it was.',
      next: 'Use a home, or a folder with --into, whose own path is shorter.',
    })
  }
}
