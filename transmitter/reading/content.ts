import { addContentRoutes } from '../../serving/channels/index.ts'
import { requireReader } from '../access/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'

/** Objects, their precompressed forms and bundles, for those who may read their channel. */
export function addObjectRoutes(context: TransmitterContext): void {
  const { measures, compressor } = context
  addContentRoutes({
    ...context,
    requireReader: ({ record }, request) =>
      requireReader(context, record, request.headers.authorization),
    noChannel: () => transmitterError('LW_TRANSMIT_NO_CHANNEL'),
    noObject: () => transmitterError('LW_TRANSMIT_NO_OBJECT'),
    wantCompressed: (object) => compressor.want(object),
    onSent(name, form, bytes) {
      const counts = measures.of(name)
      if (form === 'plain') counts.objectBytes += bytes
      else if (form === 'br') counts.compressedBytes += bytes
      else if (form === 'pack') counts.packBytes += bytes
      else counts.bundleBytes += bytes
    },
  })
}
