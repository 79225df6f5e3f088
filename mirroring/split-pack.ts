import { mirroringError } from './errors.ts'
import type { WantedObject } from './wanted-object.ts'

/** An object as it came out of a pack, not verified yet. */
export interface PackedObject {
  readonly object: WantedObject
  readonly bytes: Uint8Array
}

/**
 * Divides the unpacked bytes of a pack by the signed sizes of its objects. At most one object is
 * held at a time.
 * @param chunks unpacked bytes; what unpacking fails with comes out as LW_MIRROR_PACK
 * @throws LW_MIRROR_PACK when there are fewer or more bytes than the sizes say
 */
export async function* splitPack(
  chunks: AsyncIterable<Uint8Array>,
  objects: readonly WantedObject[],
): AsyncGenerator<PackedObject> {
  let next = 0
  let held: Buffer | undefined
  let filled = 0
  for await (const chunk of readable(chunks)) {
    for (let at = 0; at < chunk.byteLength; ) {
      const object = objects[next]
      if (object === undefined) throw packError('It goes on behind its last object.')
      const part = chunk.subarray(at, at + object.size - filled)
      at += part.byteLength
      if (part.byteLength === object.size) {
        next++
        yield { object, bytes: part }
        continue
      }
      // Its bytes lie in several chunks.
      held ??= Buffer.allocUnsafe(object.size)
      held.set(part, filled)
      filled += part.byteLength
      if (filled < object.size) continue
      const bytes = held
      held = undefined
      filled = 0
      next++
      yield { object, bytes }
    }
  }
  if (next < objects.length) throw packError(`It ends after ${next} of ${objects.length} objects.`)
}

async function* readable(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks
  } catch (cause) {
    throw packError('It cannot be unpacked.', cause)
  }
}

function packError(detail: string, cause?: unknown): Error {
  return mirroringError('LW_MIRROR_PACK', { detail, cause })
}
