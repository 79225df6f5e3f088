import { drpError } from './errors.ts'

/**
 * The URL that an index's paths are below: its `base` attribute, else its own URL, up to the last
 * slash as RFC 3986 5.2 resolves. The way may not lose TLS, nor by default leave the origin.
 * @throws LW_DRP_INDEX
 */
export function resolveBase(
  base: string | undefined,
  options: { readonly url: string; readonly allowOtherOrigin?: boolean },
): string {
  const own = new URL(options.url)
  let url: URL
  try {
    url = new URL(base ?? '.', own)
  } catch (cause) {
    throw drpError('LW_DRP_INDEX', { detail: 'base is not a URL.', cause })
  }
  const why = whyNotBase(url, own, options.allowOtherOrigin ?? false)
  if (why !== undefined) throw drpError('LW_DRP_INDEX', { detail: `base ${why}.` })
  return new URL('.', url).href
}

function whyNotBase(url: URL, own: URL, allowOtherOrigin: boolean): string | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'is neither http nor https'
  if (own.protocol === 'https:' && url.protocol !== 'https:') return 'leaves TLS'
  if (url.username !== '' || url.password !== '') return 'carries credentials'
  if (!allowOtherOrigin && url.origin !== own.origin) return 'is on another origin'
  return undefined
}

/** The URL of an entry: path parts are names, so everything that a URL treats is escaped. */
export function urlBelow(base: string, path: string): string {
  return base + path.split('/').map(encodeURIComponent).join('/')
}
