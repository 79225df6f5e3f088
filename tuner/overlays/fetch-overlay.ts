import type { StagingArea } from '../../mirroring/index.ts'
import {
  type Digest,
  digestOf,
  isDigest,
  limits as formatLimits,
  type OverlayStatement,
  updateError,
} from '../../protocol/index.ts'
import { inParallel } from '../../store/durable-files/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import type { Generation } from '../generations/index.ts'
import { requestUrl } from '../operations/request-url.ts'
import type { Subscription } from '../subscriptions/index.ts'

/** Overlay files in flight at one time. */
const concurrentFiles = 4

/**
 * Brings the files of an overlay that the release does not have into staging, verified. They are
 * for this tuner alone: the ticket of the answer opens them, at the origin.
 * @throws LW_UPDATE_OVERLAY, transfer errors
 */
export async function fetchOverlayFiles(
  context: TunerContext,
  subscription: Subscription,
  options: OperationOptions & {
    readonly statement: OverlayStatement
    readonly ticket: string | undefined
    readonly staging: StagingArea
    readonly base: Generation
  },
): Promise<void> {
  const { statement, staging, base, ticket, signal } = options
  await staging.open()
  const wanted = new Map(statement.files.map((file) => [file.sha256, file]))
  await inParallel(wanted.values(), concurrentFiles, async (file) => {
    const { sha256, size } = file
    if (!isDigest(sha256) || base.find(sha256) !== undefined || staging.has(sha256)) return
    const answer = await context.transport.fetchBytes(
      `${requestUrl(subscription)}/overlays/${statement.tuner}/${sha256}`,
      {
        ...(ticket === undefined ? {} : { authorization: `Bearer ${ticket}` }),
        bytesMax: Math.min(size, formatLimits.overlayFileBytesMax),
        ...(signal === undefined ? {} : { signal }),
      },
    )
    if (answer.bytes.byteLength !== size || digestOf(answer.bytes) !== sha256) {
      throw updateError('LW_UPDATE_OVERLAY', { detail: 'A file of it was damaged on its way.' })
    }
    await staging.adoptBytes(sha256 as Digest, answer.bytes)
  })
}
