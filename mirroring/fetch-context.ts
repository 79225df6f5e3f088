import type { Manifest, RouteOffer } from '../protocol/index.ts'
import type { BytesRequest, Transport, TransportClock } from '../transport/index.ts'
import type { StagingArea } from './staging-area.ts'

/** What every part of a fetch shares. */
export interface FetchContext {
  readonly transport: Transport
  /** Channel URLs to fetch from, best first; the next is asked when one fails. */
  readonly sources: readonly string[]
  readonly staging: StagingArea
  readonly clock: TransportClock
  /** What the origin told of the routes already, unasked. */
  readonly told?: RouteOffer
  /** The head's manifest, where the caller made it from something else. */
  readonly manifestBytes?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: FetchProgress) => void
  /**
   * Called before bytes are written, with what is about to be needed on the disk; throws to refuse.
   * `isExact` tells a sum of signed sizes from an estimate.
   */
  readonly requireSpace?: (need: SpaceNeed) => Promise<void>
  /** Called with the verified manifest before files are fetched one by one; throws to refuse. */
  readonly requireManifest?: (manifest: Manifest) => void
}

export interface SpaceNeed {
  readonly bytes: number
  /** New files. */
  readonly names: number
  readonly isExact: boolean
}

export interface FetchProgress {
  readonly stage: 'manifest' | 'bundle' | 'objects' | 'apply'
  readonly doneBytes: number
  readonly totalBytes: number
}

/** Bytes that crossed the network, by what they were for. */
export interface TransferCost {
  manifest: number
  bundle: number
  objects: number
}

/** What says that there is nothing at a URL, as static servers say it too. */
export const absentStatus = [403, 404, 410]

/** Options that every request of a fetch shares. */
export function requestOptions(context: FetchContext): Pick<BytesRequest, 'headers' | 'signal'> {
  return {
    ...(context.headers === undefined ? {} : { headers: context.headers }),
    ...(context.signal === undefined ? {} : { signal: context.signal }),
  }
}
