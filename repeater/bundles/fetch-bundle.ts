import path from 'node:path'
import { downloadVerified, StagingArea } from '../../mirroring/index.ts'
import type { Digest } from '../../protocol/index.ts'
import { type MirrorContext, originHeaders } from '../context.ts'

/** A bundle in a file of its own, verified. */
export interface FetchedBundle {
  readonly file: string
  remove(): Promise<void>
}

/**
 * Downloads a bundle of the origin; a broken download goes on where it stopped.
 * @throws LW_MIRROR_OBJECT, transfer errors
 */
export async function fetchBundle(
  context: MirrorContext,
  bundle: { readonly url: string; readonly sha256: Digest; readonly bytes: number },
): Promise<FetchedBundle> {
  const { transport, clock, signal, origin, fs } = context
  const directory = path.join(context.directory, 'staging', `bundle-${bundle.sha256}`)
  const staging = new StagingArea({ directory, fileSystem: fs })
  await staging.open()
  const fetching = {
    transport,
    clock,
    signal,
    sources: [],
    staging,
    headers: originHeaders(origin),
  }
  const { url, sha256, bytes } = bundle
  const { file, received } = await downloadVerified(fetching, {
    url,
    sha256,
    size: bytes,
    stage: 'bundle',
  })
  context.received.content += received
  return { file, remove: () => staging.remove() }
}
