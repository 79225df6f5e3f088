import { proxyError } from './errors.ts'
import { proxyLimits as limits } from './limits.ts'

/** The base URL of a transmitter that may be reached. */
export interface OriginBase {
  /** Normal form, without a trailing slash. */
  readonly base: string
  /** Scheme, host and port. */
  readonly origin: string
  /** What stands before the channel's name: empty, or `/prefix`. */
  readonly path: string
}

/**
 * The list of origins that a proxy goes to. Nothing else is reachable, however it is written: a
 * request must name an origin in its normal form, so that no two readings of a URL can differ
 * (S56, S57).
 */
export class Origins {
  readonly #listed: readonly OriginBase[]
  readonly #admitted = new Map<string, OriginBase>()

  /** @throws LW_PROXY_ORIGIN_UNFIT */
  constructor(urls: readonly string[]) {
    if (urls.length > limits.originsMax) {
      throw proxyError('LW_PROXY_ORIGIN_UNFIT', { detail: 'There are too many of them.' })
    }
    this.#listed = urls.map(parseListed)
  }

  get listed(): readonly OriginBase[] {
    return this.#listed
  }

  /** The origin that a percent-encoded segment names; undefined when it is not to be reached. */
  admit(encoded: string): OriginBase | undefined {
    const known = this.#admitted.get(encoded)
    if (known !== undefined) return known
    const base = parseBase(decodeOnce(encoded))
    if (base === undefined || !this.#listed.some((listed) => covers(listed, base))) {
      return undefined
    }
    if (this.#admitted.size >= limits.originSpellingsMax) this.#admitted.clear()
    this.#admitted.set(encoded, base)
    return base
  }
}

function parseListed(text: string): OriginBase {
  let normal = text
  try {
    const url = new URL(text)
    normal = `${url.origin}${url.pathname.replace(/\/+$/, '')}`
    if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
      normal = ''
    }
  } catch {
    normal = ''
  }
  const base = parseBase(normal)
  if (base !== undefined) return base
  throw proxyError('LW_PROXY_ORIGIN_UNFIT', {
    detail: `${JSON.stringify(text)} is not http(s)://host[:port][/prefix].`,
  })
}

/** Only what is in its normal form already: whatever `URL` would change is refused. */
function parseBase(text: string | undefined): OriginBase | undefined {
  if (text === undefined || text.length > limits.originCharactersMax) return undefined
  if (!/^https?:\/\/[^\s/?#@\\]+(?:\/[A-Za-z0-9._~-]+)*$/.test(text)) return undefined
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return undefined
  }
  const path = url.pathname === '/' ? '' : url.pathname
  if (`${url.origin}${path}` !== text) return undefined
  return { base: text, origin: url.origin, path }
}

function decodeOnce(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

function covers(listed: OriginBase, base: OriginBase): boolean {
  if (listed.origin !== base.origin) return false
  return base.path === listed.path || base.path.startsWith(`${listed.path}/`)
}
