import { deltaError } from '../errors.ts'
import type { KnownArchive } from './build-file.ts'

const pieceBytes = 1 << 20

/** The archive that was rebuilt from `view` before: the same view gives it again. */
export function knownArchive(view: Uint8Array, packed: Uint8Array): KnownArchive {
  return (write) => {
    let at = 0
    return {
      async write(bytes) {
        const expected = view.subarray(at, at + bytes.length)
        if (Buffer.compare(bytes, expected) !== 0) throw otherView()
        at += bytes.length
      },
      async end() {
        if (at !== view.length) throw otherView()
        for (let done = 0; done < packed.length; done += pieceBytes) {
          await write(packed.subarray(done, done + pieceBytes))
        }
      },
    }
  }
}

function otherView(): Error {
  return deltaError('LW_DELTA_RESULT', { detail: 'The view of an archive is another one.' })
}
