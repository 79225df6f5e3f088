import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { readableChannel } from '../reading/index.ts'
import type { BundleService } from './bundle-service.ts'

interface OfferRequest {
  readonly Params: { readonly name: string; readonly range: string }
}

/** `GET /NAME/deltas/FROM..TO`: names the bundle and what the other routes cost. */
export function addBundleRoutes(context: TransmitterContext, bundles: BundleService): void {
  context.server.app.get<OfferRequest>('/:name/deltas/:range', async (request, reply) => {
    const { record } = await readableChannel(context, request)
    const match = /^(0|[1-9]\d{0,8})\.\.([1-9]\d{0,8})$/.exec(request.params.range)
    if (match === null) throw transmitterError('LW_TRANSMIT_NO_RELEASE')
    const offer = await bundles.offer(record.name, Number(match[1]), Number(match[2]))
    void reply.header('cache-control', 'no-store')
    if (offer.state === 'making') void reply.code(202).header('retry-after', '1')
    return offer.document
  })
}
