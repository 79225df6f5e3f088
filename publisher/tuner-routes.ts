import type { PublishApi } from './upload/index.ts'

/** What tuners at the release before receive, as the transmitter says right after the switch. */
export interface TunerRoutes {
  /** The release that they come from. */
  readonly from: number
  /** `making`: the transmitter makes a bundle now; until it is ready they receive whole files. */
  readonly bundle: 'ready' | 'making' | 'none'
  readonly bundleBytes?: number
  /** The cheapest chain of bundles over releases between. */
  readonly chainBytes?: number
  /** All changed files, compressed. */
  readonly wholeBytes?: number
}

/** Undefined when the transmitter does not say: the release is published all the same. */
export async function askTunerRoutes(
  api: PublishApi,
  from: number,
  to: number,
): Promise<TunerRoutes | undefined> {
  const offer = await api.routes(from, to).catch(() => undefined)
  if (offer === undefined) return undefined
  const { bytes, chain, wholeBytes } = offer.document
  return {
    from,
    bundle: offer.isMaking ? 'making' : bytes === undefined ? 'none' : 'ready',
    ...(bytes === undefined ? {} : { bundleBytes: bytes }),
    ...(chain === undefined
      ? {}
      : { chainBytes: chain.reduce((sum, { bytes }) => sum + bytes, 0) }),
    ...(wholeBytes === undefined ? {} : { wholeBytes }),
  }
}
