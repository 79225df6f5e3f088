import {
  BlockSignature,
  blockLengthFor,
  encodeSignatureDelta,
  signatureBytes,
} from '../../delta/signature/index.ts'
import { type Digest, isLongwaveError } from '../../protocol/index.ts'
import { publisherLimits } from '../limits.ts'
import type { ScannedSource } from '../scan/index.ts'
import type { PublishApi } from './publish-api.ts'
import { type Spooled, spool } from './spool.ts'

export interface DeltaBase {
  readonly sha256: string
  readonly size: number
}

export interface ObjectDelta extends Spooled {
  readonly base: Digest
}

export interface ObjectDeltaOptions {
  readonly api: PublishApi
  readonly source: ScannedSource
  readonly object: { readonly sha256: Digest; readonly size: number }
  readonly bases: readonly DeltaBase[]
  /** Bytes that the whole object costs on its way. */
  readonly wholeBytes: number
  readonly signal?: AbortSignal | undefined
}

/**
 * A GDIFF from an object that the transmitter holds; undefined when the whole is as good. A
 * signature that cannot be had or is damaged means the whole, not a failure.
 * @throws LW_PUBLISH_FILE_CHANGING
 */
export async function makeObjectDelta(
  options: ObjectDeltaOptions,
): Promise<ObjectDelta | undefined> {
  const { api, source, object, signal } = options
  const bytesMax = Math.floor(options.wholeBytes * publisherLimits.deltaShareMax)
  const base = closestInSize(options.bases, object.size)
  if (base === undefined || object.size < publisherLimits.deltaBytesMin) return undefined
  const block = blockLengthFor(base.size)
  const expected = signatureBytes(base.size, block)
  if (expected > bytesMax) return undefined
  let signature: BlockSignature
  try {
    const bytes = await api.signature(base.sha256 as Digest, block, expected)
    signature = BlockSignature.parse(bytes, base.size)
  } catch (error) {
    if (!isLongwaveError(error) || signal?.aborted === true) throw error
    return undefined
  }
  const delta = encodeSignatureDelta({ signature, next: source.stream(object.sha256), signal })
  const spooled = await spool(delta, bytesMax)
  return spooled === undefined ? undefined : { ...spooled, base: base.sha256 as Digest }
}

function closestInSize(bases: readonly DeltaBase[], size: number): DeltaBase | undefined {
  return bases
    .filter((base) => base.size >= publisherLimits.deltaBytesMin)
    .toSorted((a, b) => Math.abs(a.size - size) - Math.abs(b.size - size))[0]
}
