import { decodeGdiff } from '../../delta/gdiff/index.ts'
import type { Digest } from '../../protocol/index.ts'
import type { ObjectRecord, UploadRecord } from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { ProvingBytes } from './part-bytes.ts'

export interface IncomingGdiff {
  readonly upload: UploadRecord
  /** What the difference makes. */
  readonly whole: ObjectRecord
  readonly base: Digest
  readonly difference: AsyncIterable<Uint8Array>
}

/**
 * Makes an object from one that the channel holds and a difference that the publisher sent. What
 * comes out is hashed, so a wrong difference makes nothing.
 * @throws LW_TRANSMIT_UNEXPECTED_PART, LW_DELTA_GDIFF, LW_STORE_DIGEST_MISMATCH
 */
export async function receiveGdiff(
  context: TransmitterContext,
  { upload, whole, base, difference }: IncomingGdiff,
): Promise<void> {
  const isHeld = await context.records.uploads.holds(upload.id, base)
  const old = isHeld ? await context.objects.open(base) : undefined
  if (old === undefined) {
    throw transmitterError('LW_TRANSMIT_UNEXPECTED_PART', {
      detail: 'The base of a difference is not an object of this channel.',
    })
  }
  try {
    const made = new ProvingBytes(decodeGdiff({ old, difference, outputBytesMax: whole.size }))
    await context.objects.receive({ ...whole, source: made.bytes() })
    await made.prove(whole)
  } finally {
    await old.close()
  }
}
