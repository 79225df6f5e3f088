import {
  type DescribedObject,
  describeObject,
  type HotHeaders,
  type RawExchange,
} from '../../serving/index.ts'
import { type ContentKey, keyText } from '../cache/index.ts'
import type { ProxiedChannel } from '../channels/index.ts'
import type { ProxyTarget } from '../targets.ts'
import { anonymous, type Fields } from '../upstream/index.ts'

/** One request for content. */
export interface Asker {
  readonly exchange: RawExchange
  readonly headers: HotHeaders
  readonly target: ProxyTarget
  readonly channel: ProxiedChannel
  readonly key: ContentKey
  readonly credentials: Fields
  /** Stands for the credentials. */
  readonly reader: string
}

/** Whether the asker showed no credentials: what he may have, everybody may have. */
export function isOpen(asker: Asker): boolean {
  return asker.reader === anonymous
}

/** The entity tag that transmitters give to content. */
export function etagOf(key: ContentKey): string {
  return `"${keyText(key)}"`
}

/** The head of an answer with content, for one asker, or for everybody. */
export function describe(
  content: ContentKey & { readonly size: number },
  asker: Asker | 'everybody',
): DescribedObject {
  return describeObject({
    size: content.size,
    etag: etagOf(content),
    mime: 'application/octet-stream',
    immutable: true,
    // The digest in the address of a compressed form is not that of its bytes.
    ...(content.form === 'plain' ? { digest: content.digest } : {}),
    ...(asker === 'everybody' || isOpen(asker)
      ? {}
      : { cacheControl: 'private, max-age=31536000, immutable' }),
  })
}
