import { isChannelName } from '../../protocol/index.ts'
import type { ServingContext } from '../context.ts'
import { repeaterError } from '../errors.ts'
import { readableChannel } from '../reading/index.ts'
import type { BundleCache } from './bundle-cache.ts'

interface OfferRequest {
  readonly Params: { readonly name: string; readonly range: string }
}

/** `GET /NAME/deltas/FROM..TO`: names the bundle, or says that it is on its way. */
export function addBundleRoutes(context: ServingContext, bundles: BundleCache): void {
  context.server.app.get<OfferRequest>('/:name/deltas/:range', async (request, reply) => {
    const { name, range } = request.params
    const match = /^(0|[1-9]\d{0,8})\.\.([1-9]\d{0,8})$/.exec(range)
    if (!isChannelName(name) || match === null) throw repeaterError('LW_REPEATER_NO_RELEASE')
    const from = Number(match[1])
    const to = Number(match[2])
    const { head } = readableChannel(context, request)
    if (from >= to || to !== head.release) throw repeaterError('LW_REPEATER_NO_RELEASE')
    const offer = await bundles.offer({ name, from, to })
    reply.header('cache-control', 'no-store')
    if (offer.state === 'coming') reply.code(202).header('retry-after', '1')
    return offer.document
  })
}
