import { isLongwaveError } from '../../protocol/index.ts'
import type { TunerContext } from '../context.ts'
import { tunerError } from '../errors.ts'
import { operationLimits as limits } from './limits.ts'

/** Where a site puts its proxy, so that tuners find it: the name is looked up in its own domain. */
export const proxyFoundAt = 'http://longwave-proxy:5283'

/**
 * Finds the proxy of this site (C88). It can be no more than asked by name: whoever answers to the
 * name sees which channels are followed, and can lie about nothing.
 * @throws LW_TUNER_NO_PROXY
 */
export async function findProxy(
  context: Pick<TunerContext, 'transport'>,
  signal?: AbortSignal,
): Promise<string> {
  try {
    const answer = await context.transport.fetchBytes(`${proxyFoundAt}/-/health`, {
      bytesMax: limits.healthBytesMax,
      timeoutMs: limits.findProxyMs,
      mayRedirect: false,
      ...(signal === undefined ? {} : { signal }),
    })
    if (isProxy(answer.bytes)) return proxyFoundAt
  } catch (cause) {
    signal?.throwIfAborted()
    if (!isLongwaveError(cause)) throw cause
    throw noProxy(cause)
  }
  throw noProxy()
}

function isProxy(bytes: Buffer): boolean {
  try {
    const health: unknown = JSON.parse(bytes.toString('utf8'))
    return (health as { readonly service?: unknown } | null)?.service === 'proxy'
  } catch {
    return false
  }
}

function noProxy(cause?: unknown): Error {
  return tunerError('LW_TUNER_NO_PROXY', {
    detail: `Nothing that is one answers at ${proxyFoundAt}.`,
    untouched: 'Nothing was subscribed.',
    next: 'Give the proxy: --proxy URL.',
    cause,
  })
}
