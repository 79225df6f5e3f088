import type { Readable } from 'node:stream'
import { decodeGdiff } from '../../delta/gdiff/index.ts'
import type { Digest } from '../../protocol/index.ts'
import type { UploadRecord } from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'

/**
 * Makes an object from one that the channel holds and a difference that the publisher sent. The
 * store hashes what comes out, so a wrong difference makes nothing.
 * @throws LW_TRANSMIT_UNEXPECTED_PART, LW_DELTA_GDIFF, LW_STORE_DIGEST_MISMATCH
 */
export async function receiveGdiff(
  context: TransmitterContext,
  upload: UploadRecord,
  whole: { readonly digest: Digest; readonly size: number },
  base: Digest,
  difference: Readable,
): Promise<void> {
  const isHeld = await context.records.uploads.holds(upload.id, base)
  const old = isHeld ? await context.objects.open(base) : undefined
  if (old === undefined) {
    difference.resume()
    throw transmitterError('LW_TRANSMIT_UNEXPECTED_PART', {
      detail: 'The base of a difference is not an object of this channel.',
    })
  }
  try {
    const source = decodeGdiff({ old, difference, outputBytesMax: whole.size })
    await context.objects.receive({ ...whole, source })
  } finally {
    await old.close()
  }
}
