import { proxyLimits as limits } from '../limits.ts'
import { anonymous } from '../upstream/index.ts'

/**
 * What the origin has given to whom, for one channel: pairs of a reader and a path. Cached content
 * goes only where such a pair stands, or is got from the origin, so that the cache gives nothing
 * that a fresh authorisation would refuse. Pairs run out, soon for those who showed credentials;
 * of these only a keyed hash is here.
 */
export class Grants {
  readonly #until = new Map<string, number>()

  /** Whether the origin gave this path to this reader a short while ago. */
  hold(reader: string, rest: string, nowMs: number): boolean {
    return (this.#until.get(pair(reader, rest)) ?? 0) > nowMs
  }

  /** The origin gave the path to the reader. */
  note(reader: string, rest: string, nowMs: number): void {
    const key = pair(reader, rest)
    if (this.#until.size >= limits.grantsMax && !this.#until.has(key)) this.#until.clear()
    this.#until.set(key, nowMs + (reader === anonymous ? limits.openGrantMs : limits.closedGrantMs))
  }

  /** The origin refused; who is not let in at all has nothing left. */
  refuse(reader: string, rest: string, status: number): void {
    if (status === 401 || status === 403) this.#forget(reader)
    else this.#until.delete(pair(reader, rest))
  }

  clear(): void {
    this.#until.clear()
  }

  #forget(reader: string): void {
    for (const key of this.#until.keys()) {
      if (key.startsWith(`${reader} `)) this.#until.delete(key)
    }
  }
}

function pair(reader: string, rest: string): string {
  return `${reader} ${rest}`
}
