import path from 'node:path'
import { type Digest, isDigest } from '../../protocol/index.ts'
import {
  type FileSystem,
  readFileIfPresent,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import { parseTargets } from '../../trust/index.ts'
import { proxyLimits as limits } from '../limits.ts'

interface KnownChannel {
  readonly channelId: Digest
  /** Manifest ids by release, oldest first. */
  readonly manifests: Map<number, Digest>
}

/**
 * Which manifest belongs to which release, as trust files that passed said. It tells where to look
 * for the makings of a bundle, nothing more: tuners verify what comes of it.
 */
export class KnownReleases {
  readonly #fs: FileSystem
  readonly #file: string
  readonly #channels = new Map<string, KnownChannel>()
  #saving: Promise<void> = Promise.resolve()

  constructor(options: { readonly fileSystem: FileSystem; readonly directory: string }) {
    this.#fs = options.fileSystem
    this.#file = path.join(options.directory, 'releases.json')
  }

  /** Loads what an earlier run knew; a file that cannot be read counts as none. */
  async open(): Promise<void> {
    try {
      const bytes = await readFileIfPresent(this.#fs, this.#file)
      if (bytes === undefined) return
      for (const [url, id, manifests] of JSON.parse(bytes.toString('utf8')) as Saved) {
        this.#channels.set(url, { channelId: id, manifests: new Map(manifests) })
      }
    } catch {
      this.#channels.clear()
    }
  }

  find(url: string): KnownChannel | undefined {
    return this.#channels.get(url)
  }

  /** Takes the release over that a targets file names. */
  note(url: string, targets: Uint8Array): void {
    let view: ReturnType<typeof parseTargets>['view']
    try {
      view = parseTargets(targets).view
    } catch {
      return
    }
    const { channelId, head } = view
    const known = this.#channels.get(url)
    if (known?.channelId === channelId && known.manifests.get(head.release) === head.sha256) return
    const manifests = known?.channelId === channelId ? known.manifests : new Map<number, Digest>()
    manifests.set(head.release, head.sha256)
    for (const release of manifests.keys()) {
      if (manifests.size <= limits.releasesKnownMax) break
      manifests.delete(release)
    }
    this.#channels.delete(url)
    this.#channels.set(url, { channelId, manifests })
    const oldest = this.#channels.keys().next().value
    if (this.#channels.size > limits.channelsMax && oldest !== undefined) {
      this.#channels.delete(oldest)
    }
    this.#save()
  }

  /** Resolves when everything noted so far is written down, or could not be. */
  saved(): Promise<void> {
    return this.#saving
  }

  #save(): void {
    const saved: Saved = [...this.#channels].map(([url, { channelId, manifests }]) => [
      url,
      channelId,
      [...manifests].filter(([, manifest]) => isDigest(manifest)),
    ])
    const text = JSON.stringify(saved)
    // Losing it costs a few bundles, so a failing disk is nobody's concern here.
    this.#saving = this.#saving
      .then(() => writeFileDurably(this.#fs, this.#file, text, { mode: 0o600 }))
      .catch(() => undefined)
  }
}

type Saved = readonly (readonly [string, Digest, readonly (readonly [number, Digest])[]])[]
