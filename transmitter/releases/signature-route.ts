import { Readable } from 'node:stream'
import { isBlockLength, makeSignature, signatureBytes } from '../../delta/signature/index.ts'
import { parseChannelName, parseDigest, signatureMediaType } from '../../protocol/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'

interface SignatureRequest {
  readonly Params: { readonly name: string; readonly sha256: string }
  readonly Querystring: { readonly block?: string }
}

/**
 * `GET /NAME/objects/SHA256/signature?block=N`: block checksums of an object that the channel
 * holds, so that a publisher sends only what differs (docs/formats/signature.md).
 */
export function addSignatureRoute(context: TransmitterContext): void {
  context.server.app.get<SignatureRequest>(
    '/:name/objects/:sha256/signature',
    async (request, reply) => {
      const name = parseChannelName(request.params.name)
      const digest = parseDigest(request.params.sha256)
      await context.access.requirePublisher(request.headers.authorization, name)
      const isHeld = await context.records.isReferenced(name, digest)
      const object = isHeld ? await context.objects.open(digest) : undefined
      if (object === undefined) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
      const block = Number(request.query.block)
      if (!isBlockLength(block, object.size)) {
        await object.close()
        throw transmitterError('LW_TRANSMIT_UNEXPECTED_PART', { detail: 'Not a block length.' })
      }
      const body = Readable.from(makeSignature(object, block), { objectMode: false })
      body.once('close', () => void object.close())
      return reply
        .type(signatureMediaType)
        .header('cache-control', 'no-store')
        .header('content-length', signatureBytes(object.size, block))
        .send(body)
    },
  )
}
