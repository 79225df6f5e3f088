import type { EntryPath } from '../paths.ts'
import type { ContentIdentifier } from './content-identifier.ts'

/** Media type of a DRP index as it is served; readers also take `text/xml` and any `+xml`. */
export const drpIndexMime = 'application/xml'

/** One `file` of an index (NOTE-drp 2.2, appendix A). */
export interface DrpFile {
  /** Below the index's base, folders included. */
  readonly path: EntryPath
  /** Where its bytes are. */
  readonly url: string
  readonly id: ContentIdentifier | undefined
  /** SHA-256 from the `sha256` attribute, when `id` is of a weaker kind. */
  readonly strongId: ContentIdentifier | undefined
  /** Bytes. */
  readonly size: number | undefined
  readonly mime: string | undefined
  /** Meaning unknown; kept as it is. */
  readonly info: string | undefined
}

export interface DrpIndex {
  /** The identifier that the index gives itself. */
  readonly id: ContentIdentifier | undefined
  /** Absolute URL, with a trailing slash, that paths are below. */
  readonly base: string
  readonly files: readonly DrpFile[]
  /** `dir` elements that hold nothing. */
  readonly emptyDirectories: readonly EntryPath[]
}
