import type { HotRoutes } from './hot-routes.ts'

/** The others, such as TRACE, no route gets to see, whatever it declares. */
const served = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** A route's path, cut at its slashes. */
interface Pattern {
  readonly parts: readonly string[]
  readonly methods: Set<string>
}

/**
 * Tells which methods an address takes (RFC 9110 §15.5.6): by the routes alone, never by what lies
 * behind them, so that the answer is the same for a channel that is closed and for one that is not
 * there.
 */
export class AllowedMethods {
  readonly #hot: HotRoutes
  readonly #patterns = new Map<string, Pattern>()

  constructor(hot: HotRoutes) {
    this.#hot = hot
  }

  /** @param url as a route declares it: `:name` stands for one part, `*` at the end for any rest */
  add(url: string, methods: string | readonly string[]): void {
    const known = this.#patterns.get(url)
    const pattern = known ?? { parts: url.split('/'), methods: new Set() }
    for (const method of [methods].flat()) if (served.has(method)) pattern.methods.add(method)
    this.#patterns.set(url, pattern)
  }

  /** In alphabetical order; empty for an address without a route. */
  of(target: string): readonly string[] {
    const query = target.indexOf('?')
    const parts = (query === -1 ? target : target.slice(0, query)).split('/')
    const found = new Set<string>()
    for (const { parts: pattern, methods } of this.#patterns.values()) {
      if (matches(pattern, parts)) for (const method of methods) found.add(method)
    }
    if (this.#hot.holds(target)) found.add('GET').add('HEAD')
    return [...found].sort()
  }
}

function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  const isOpen = pattern.at(-1) === '*'
  if (isOpen ? parts.length < pattern.length : parts.length !== pattern.length) return false
  return pattern.every(
    (part, at) => part === '*' || part === parts[at] || (part.startsWith(':') && parts[at] !== ''),
  )
}
