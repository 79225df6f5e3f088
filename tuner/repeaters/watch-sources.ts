import type { Transport } from '../../transport/index.ts'
import { repeaterUseLimits as limits } from './limits.ts'

export interface WatchedSources {
  /** Best first; changes while it is used. */
  readonly sources: readonly string[]
  readonly transport: Transport
}

/**
 * Sources that learn while a fetch goes on. What the origin is asked for after the repeater was
 * asked for it is something that the repeater did not deliver as it should have: with silence, an
 * error or wrong bytes. After a few such failures it leaves the list, and a substitute may come in.
 */
export function watchSources(options: {
  readonly transport: Transport
  readonly first: string
  readonly origin: string
  readonly failuresMax: number
  /** Names another source; undefined when there is none. */
  readonly substitute: () => Promise<string | undefined>
}): WatchedSources {
  const { transport, first, origin } = options
  const sources = [first, origin]
  const asked = new Set<string>()
  let failures = 0
  const giveUp = (): void => {
    // Places change and none goes: others are on their way through the list.
    sources[0] = origin
    options.substitute().then(
      (url) => {
        if (url !== undefined) sources[0] = url
      },
      // Without a substitute the origin serves on.
      () => undefined,
    )
  }
  const note = (url: string): void => {
    if (failures >= options.failuresMax) return
    if (url.startsWith(`${first}/`)) {
      if (asked.size < limits.pathsNotedMax) asked.add(url.slice(first.length))
      return
    }
    if (!url.startsWith(`${origin}/`) || !asked.delete(url.slice(origin.length))) return
    failures++
    if (failures === options.failuresMax) giveUp()
  }
  return {
    sources,
    transport: {
      fetchBytes(url, request) {
        note(String(url))
        return transport.fetchBytes(url, request)
      },
      fetchToSink(url, request) {
        note(String(url))
        return transport.fetchToSink(url, request)
      },
      fetchConditional: (url, request) => transport.fetchConditional(url, request),
      postForStream: (url, request) => transport.postForStream(url, request),
      postJson: (url, request) => transport.postJson(url, request),
      upload: (url, request) => transport.upload(url, request),
      stop: () => transport.stop(),
      [Symbol.asyncDispose]: () => transport.stop(),
    },
  }
}
