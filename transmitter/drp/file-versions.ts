import { createHash } from 'node:crypto'
import type { ChannelName, Digest, FileEntry } from '../../protocol/index.ts'
import type { Version } from '../../serving/representations/index.ts'
import type { ReleaseRecord } from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'
import type { Md5Memory } from './md5-memory.ts'
import type { VersionedResource } from './resource-bodies.ts'
import type { OpenedBody } from './send-representation.ts'

/** The files of channels by path, with the versions that earlier releases had of them. */
export class FileVersions {
  readonly #context: TransmitterContext
  readonly #md5s: Md5Memory
  /** Hashes of compressed forms, which their headers tell. */
  readonly #packed = new Map<Digest, { readonly sha256: Digest; readonly bytes: number }>()

  constructor(context: TransmitterContext, md5s: Md5Memory) {
    this.#context = context
    this.#md5s = md5s
  }

  /** @throws LW_TRANSMIT_NO_FILE */
  async find(name: ChannelName, head: ReleaseRecord, path: string): Promise<VersionedResource> {
    const loaded = await this.#context.manifests.load(head.manifestDigest)
    const isFolder = path === '' || path.endsWith('/')
    const file = loaded.servedFiles.get(isFolder ? `${path}index.html` : path)
    if (file === undefined) {
      throw transmitterError('LW_TRANSMIT_NO_FILE', { detail: `There is no ${shown(path)}.` })
    }
    return {
      current: { ...this.#versionOf(file), ...(await this.#coded(file)) },
      older: () => this.#older(name, head, file),
      open: (sha256, coding) => this.#open(sha256, coding),
      load: (version) => this.#load(version),
      md5: ({ sha256 }) => this.#md5s.of(sha256),
    }
  }

  #versionOf({ sha256, size, mime }: FileEntry): Version {
    const md5 = this.#md5s.peek(sha256)
    return { sha256, size, mime, ...(md5 === undefined ? {} : { md5 }) }
  }

  async #coded({ sha256, size }: FileEntry): Promise<Pick<Version, 'coded'>> {
    const { compressor, objects } = this.#context
    const bytes = await compressor.sizeOf(sha256, size >= limits.compressBytesMin)
    if (bytes === undefined || bytes > limits.compressGoodBytesMax) return {}
    let packed = this.#packed.get(sha256)
    if (packed === undefined) {
      const reader = await objects.openVariant(sha256, 'br')
      if (reader === undefined) return {}
      const buffer = Buffer.allocUnsafe(reader.size)
      try {
        if ((await reader.read(0, buffer)) !== reader.size) return {}
      } finally {
        await reader.close()
      }
      const digest = createHash('sha256').update(buffer).digest('hex') as Digest
      packed = { sha256: digest, bytes: buffer.byteLength }
      this.#packed.set(sha256, packed)
      for (const oldest of this.#packed.keys()) {
        if (this.#packed.size <= limits.compressMemoryMax) break
        this.#packed.delete(oldest)
      }
    }
    return { coded: { br: packed } }
  }

  async #older(name: ChannelName, head: ReleaseRecord, file: FileEntry): Promise<Version[]> {
    const found = new Map<Digest, Version>()
    for (const release of await olderReleases(this.#context, name, head)) {
      const loaded = await this.#context.manifests.load(release.manifestDigest)
      const older = loaded.servedFiles.get(file.path)
      if (older === undefined || older.sha256 === file.sha256) continue
      found.set(older.sha256, this.#versionOf(older))
    }
    return [...found.values()]
  }

  async #open(sha256: Digest, coding: 'br' | undefined): Promise<OpenedBody | undefined> {
    const { objects } = this.#context
    const reader =
      coding === undefined ? await objects.open(sha256) : await objects.openVariant(sha256, coding)
    return reader && { size: reader.size, source: { kind: 'reader', reader } }
  }

  async #load({ sha256, size }: Version): Promise<Uint8Array> {
    const reader = await this.#context.objects.open(sha256)
    if (reader === undefined) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
    try {
      const bytes = new Uint8Array(new SharedArrayBuffer(size))
      // File reads go into memory of one owner first.
      const own = Buffer.allocUnsafe(size)
      if ((await reader.read(0, own)) !== size) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
      bytes.set(own)
      return bytes
    } finally {
      await reader.close()
    }
  }
}

/** Releases before the head whose contents may be named as bases, the newest first. */
export async function olderReleases(
  context: TransmitterContext,
  name: ChannelName,
  head: ReleaseRecord,
): Promise<readonly ReleaseRecord[]> {
  const retained = await context.records.releases.list(name, {
    onlyRetained: true,
    countMax: limits.drpReleasesBack + 1,
  })
  return retained.filter((release) => release.release < head.release)
}

function shown(path: string): string {
  return JSON.stringify(path.slice(0, 200))
}
