import { type Digest, limits, type Manifest, parseManifest } from '../../protocol/index.ts'
import type { TransmitterContext } from '../context.ts'

/** A manifest that the store holds, verified. */
export async function loadManifest(
  context: Pick<TransmitterContext, 'objects'>,
  digest: Digest,
): Promise<Manifest> {
  return parseManifest(await context.objects.load(digest, { bytesMax: limits.manifestBytesMax }))
}
