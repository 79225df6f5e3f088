import { type Digest, filesOf, type Manifest } from '../../protocol/index.ts'
import { formatContentIdentifier } from '../../protocol/drp/index.ts'
import { type Transport, transferError } from '../../transport/index.ts'

/** What is known of an index's files. */
export interface IndexContent {
  /** URL that their paths are below. */
  readonly base: string
  readonly manifest: Manifest
}

/**
 * A transport on which a bare index looks like a channel: an object is the file that has its bytes,
 * asked for by its Content-ID, which plain servers pass over. What only channels have is nowhere.
 * @param channel URL that stands for the channel
 * @param load what is known, looked up once it is needed
 */
export function indexTransport(
  inner: Transport,
  channel: string,
  load: () => Promise<IndexContent | undefined>,
): Transport {
  let loaded: Promise<Places | undefined> | undefined
  const places = (): Promise<Places | undefined> => {
    loaded ??= load().then((content) => content && new Places(content))
    return loaded
  }
  const placeOf = async (url: string | URL): Promise<Place | undefined> => {
    const text = String(url)
    return text.startsWith(`${channel}/`)
      ? (await places())?.find(text.slice(channel.length + 1))
      : undefined
  }
  const absent = { status: 404, headers: {}, bytes: Buffer.alloc(0) }
  return {
    ...inner,
    async fetchBytes(url, options) {
      const place = await placeOf(url)
      if (place === undefined) return absent
      return inner.fetchBytes(place.url, {
        ...options,
        headers: { ...place.headers, ...options.headers },
      })
    },
    async fetchToSink(url, options) {
      const place = await placeOf(url)
      if (place === undefined) {
        throw transferError('LW_TRANSFER_NOT_FOUND', { detail: 'The index does not list it.' })
      }
      return inner.fetchToSink(place.url, {
        ...options,
        headers: { ...place.headers, ...options.headers },
      })
    },
  }
}

interface Place {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** Where objects and files of an index are. */
class Places {
  readonly #base: string
  readonly #paths = new Map<Digest, string>()

  constructor({ base, manifest }: IndexContent) {
    this.#base = base
    for (const file of filesOf(manifest)) {
      this.#paths.set(file.sha256, file.path.split('/').map(encodeURIComponent).join('/'))
    }
  }

  /** @param request what follows the channel's URL */
  find(request: string): Place | undefined {
    const [, kind, rest = ''] = /^(objects|files)\/(.+)$/.exec(request) ?? []
    if (kind === 'files') return { url: this.#base + rest, headers: {} }
    const path = kind === 'objects' ? this.#paths.get(rest as Digest) : undefined
    if (path === undefined) return undefined
    const id = formatContentIdentifier({ algorithm: 'sha256', hex: rest })
    return { url: this.#base + path, headers: { 'content-id': id } }
  }
}
