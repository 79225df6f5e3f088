import { once } from 'node:events'
import { createBrotliDecompress } from 'node:zlib'
import { encodePackRequest, mediaTypes } from '../protocol/index.ts'
import { inParallel } from '../store/durable-files/index.ts'
import { type FetchContext, requestOptions } from './fetch-context.ts'
import { verifyObject, type WantedObject } from './wanted-object.ts'
import { mirroringLimits as limits } from './limits.ts'
import { type PackedObject, splitPack } from './split-pack.ts'

/** What becomes of a pack while it comes. */
export interface PackTaker {
  /** Told of bytes that crossed the network. */
  readonly onReceived: (bytes: number) => void
  /** Told of an object that lies verified in staging. */
  readonly onAdopted: (object: WantedObject) => void
}

/** What compression may add to bytes that cannot be compressed. */
const packOverheadBytes = 4096

/**
 * Fetches one pack and gives each of its objects its name in staging as soon as it is verified:
 * what came before a break is kept.
 * @param url channel URL
 * @throws LW_MIRROR_PACK, LW_MIRROR_OBJECT, transfer errors; those of the disk as they are
 */
export async function takePack(
  context: FetchContext,
  url: string,
  objects: readonly WantedObject[],
  taker: PackTaker,
): Promise<void> {
  const decoder = createBrotliDecompress({ chunkSize: limits.packChunkBytes })
  const giveUp = new AbortController()
  const failures: unknown[] = []
  const fail = (error: unknown): void => {
    failures.push(error)
    // Nothing of what is still on its way is wanted.
    giveUp.abort()
  }
  const adopt = async ({ object, bytes }: PackedObject): Promise<void> => {
    try {
      verifyObject(object, bytes)
      await context.staging.adoptBytes(object.sha256, bytes)
    } catch (error) {
      // At once: the next object may be long in coming.
      fail(error)
      throw error
    }
    taker.onAdopted(object)
  }
  const packed = splitPack(decoder, objects)
  const adopting = inParallel(packed, limits.concurrentObjects, adopt).catch(fail)
  const bytesMax = objects.reduce((sum, { size }) => sum + size, packOverheadBytes)
  try {
    await context.transport.postForStream(`${url}/objects`, {
      ...requestOptions(context),
      signal: anyOf(giveUp.signal, context.signal),
      contentType: mediaTypes.octets,
      body: encodePackRequest(objects.map(({ sha256 }) => sha256)),
      bytesMax,
      async take(chunk) {
        taker.onReceived(chunk.byteLength)
        if (!decoder.write(chunk)) await Promise.race([once(decoder, 'drain'), adopting])
      },
    })
  } catch (error) {
    fail(error)
  }
  decoder.end()
  await adopting
  // What failed first made the rest fail.
  if (failures.length > 0) throw failures[0]
}

function anyOf(own: AbortSignal, outer: AbortSignal | undefined): AbortSignal {
  return outer === undefined ? own : AbortSignal.any([own, outer])
}
