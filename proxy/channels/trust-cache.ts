import { proxyLimits as limits } from '../limits.ts'
import type { UpstreamDocument } from '../upstream/index.ts'

interface KeptFile {
  readonly answer: UpstreamDocument
  readonly untilMs: number
}

/**
 * Numbered trust files in memory. Only what is the file that its name says gets in: an error page
 * with status 200 must not stand in the place of a root for an hour.
 */
export class TrustCache {
  readonly #files = new Map<string, KeptFile>()
  #bytes = 0

  find(key: string, nowMs: number): UpstreamDocument | undefined {
    const found = this.#files.get(key)
    if (found === undefined) return undefined
    if (found.untilMs <= nowMs) {
      this.#delete(key)
      return undefined
    }
    this.#files.delete(key)
    this.#files.set(key, found)
    return found.answer
  }

  keep(key: string, answer: UpstreamDocument, nowMs: number): void {
    this.#delete(key)
    this.#files.set(key, { answer, untilMs: nowMs + limits.trustFileMs })
    this.#bytes += answer.bytes.byteLength
    for (const oldest of this.#files.keys()) {
      if (this.#bytes <= limits.trustCacheBytesMax) break
      this.#delete(oldest)
    }
  }

  /** Forgets the files of one channel. */
  forget(channel: string): void {
    for (const key of this.#files.keys()) if (key.startsWith(`${channel}/`)) this.#delete(key)
  }

  #delete(key: string): void {
    const found = this.#files.get(key)
    if (found === undefined) return
    this.#files.delete(key)
    this.#bytes -= found.answer.bytes.byteLength
  }
}

/** Whether a document is the trust file of that role and version; signatures are the tuner's. */
export function isTrustFile(bytes: Buffer, role: string, version: number): boolean {
  const signed = signedPart(bytes)
  return signed?.['_type'] === role && signed['version'] === version
}

/** The signed part of a trust file, unverified; undefined when it is none. */
export function signedPart(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const file = JSON.parse(bytes.toString('utf8')) as { readonly signed?: unknown } | null
    const signed = file?.signed
    return typeof signed === 'object' && signed !== null
      ? (signed as Readonly<Record<string, unknown>>)
      : undefined
  } catch {
    return undefined
  }
}
