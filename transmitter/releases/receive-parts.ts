import type { MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import {
  type ChannelName,
  type Digest,
  type ObjectsReceived,
  parsePartName,
} from '../../protocol/index.ts'
import type { IncomingObject } from '../../store/objects/index.ts'
import type { UploadRecord } from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { objectsOf, partialKey, requireUpload } from './begin-upload.ts'
import { loadManifest } from './load-manifest.ts'
import { receiveGdiff } from './receive-gdiff.ts'

/**
 * Takes the parts of one `objects` request in order, each straight into the store; what was
 * complete before the connection broke stays.
 * @throws LW_TRANSMIT_UNEXPECTED_PART, LW_STORE_DIGEST_MISMATCH, LW_STORE_PARTIAL
 */
export async function receiveParts(
  context: TransmitterContext,
  name: ChannelName,
  id: string,
  request: FastifyRequest,
): Promise<ObjectsReceived> {
  const upload = await requireUpload(context, name, id)
  if (upload.state !== 'open') throw transmitterError('LW_TRANSMIT_NO_UPLOAD')
  const manifest = await loadManifest(context, upload.manifestDigest)
  const sizes = new Map([...objectsOf(manifest)].map(([digest, file]) => [digest, file.size]))
  const tally = { stored: 0, storedBytes: 0 }
  const finished: Digest[] = []
  const note = async (digests: readonly Digest[], bytes: number): Promise<void> => {
    await context.records.uploads.delivered(upload.id, digests)
    finished.push(...digests)
    tally.stored += digests.length
    tally.storedBytes += bytes
  }
  await context.objects.receiveMany(incoming(context, upload, sizes, request, note), {
    onDurable: (objects) =>
      note(
        objects.map((object) => object.digest),
        objects.reduce((sum, object) => sum + object.size, 0),
      ),
  })
  const missing = await context.records.uploads.missing(upload.id, [...sizes.keys()])
  return { ...tally, missing: missing.size }
}

/** Whole objects are handed on; segments and deltas are taken care of on the way. */
async function* incoming(
  context: TransmitterContext,
  upload: UploadRecord,
  sizes: ReadonlyMap<Digest, number>,
  request: FastifyRequest,
  note: (digests: readonly Digest[], bytes: number) => Promise<void>,
): AsyncGenerator<IncomingObject> {
  for await (const part of request.files()) {
    const named = parsePartName(part.fieldname)
    const digest = named?.sha256 as Digest | undefined
    const size = digest === undefined ? undefined : sizes.get(digest)
    if (named === undefined || digest === undefined || size === undefined) {
      part.file.resume()
      throw transmitterError('LW_TRANSMIT_UNEXPECTED_PART', {
        detail: `It is called ${JSON.stringify(part.fieldname.slice(0, 200))}.`,
      })
    }
    if (named.kind === 'object') yield { digest, size, source: part.file }
    else if (named.kind === 'segment') {
      const whole = { digest, size }
      if (await receiveSegment(context, upload, whole, named.offset, part)) await note([digest], size)
    } else {
      await receiveGdiff(context, upload, { digest, size }, named.base as Digest, part.file)
      await note([digest], size)
    }
  }
}

/** Appends a piece of a large object; true when that completed it. */
async function receiveSegment(
  context: TransmitterContext,
  upload: UploadRecord,
  whole: { readonly digest: Digest; readonly size: number },
  offset: number,
  part: MultipartFile,
): Promise<boolean> {
  const partial = await context.objects.openPartial(partialKey(upload, whole.digest))
  try {
    await partial.append(offset, part.file)
    if (partial.bytes > whole.size) {
      await partial.discard()
      throw transmitterError('LW_TRANSMIT_UNEXPECTED_PART', { detail: 'It is longer than its file.' })
    }
    if (partial.bytes < whole.size) return false
    await partial.finish(whole)
    return true
  } finally {
    await partial.close()
  }
}
