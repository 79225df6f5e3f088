import {
  type ChannelName,
  type Digest,
  digestOf,
  encodeManifest,
  type Entry,
  type EntryPath,
  type Manifest,
  manifestFormat,
  comparePaths,
  totalsOf,
} from '../../protocol/index.ts'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { bundleFormat, makeBundle, memoryObjectSource } from '../../delta/index.ts'
import type { ReleaseFigures } from '../../protocol/index.ts'
import type { ReleaseTarget } from '../../trust/index.ts'

/** What a test release holds: text is a file, `-> target` a link, null an empty folder. */
export type Tree = Readonly<
  Record<string, string | Uint8Array | null | { readonly exec: string } | { readonly link: string }>
>

/** One release of a channel in memory, with the URLs at which its objects lie. */
export interface MemoryRelease {
  readonly manifest: Manifest
  readonly manifestBytes: Uint8Array
  readonly head: ReleaseTarget
}

export const channelId = digestOf('a channel for tests')
export const channelUrl = 'http://channel.test/demo'

/** Makes a release from a tree and puts its objects on the pages of a memory transport. */
export function makeRelease(
  release: number,
  tree: Tree,
  pages: Map<string, Uint8Array>,
  channel: Digest = channelId,
): MemoryRelease {
  const entries: Entry[] = []
  for (const [name, content] of Object.entries(tree)) {
    const path = name as EntryPath
    if (content === null) entries.push({ type: 'directory', path })
    else if (typeof content === 'object' && 'link' in content) {
      entries.push({ type: 'symlink', path, target: content.link })
    } else {
      const isExec = typeof content === 'object' && 'exec' in content
      const bytes = Buffer.from(isExec ? content.exec : content)
      const sha256 = digestOf(bytes)
      pages.set(`${channelUrl}/objects/${sha256}`, bytes)
      const mode = isExec ? '0755' : '0644'
      entries.push({ type: 'file', path, size: bytes.byteLength, sha256, mode, mime: 'text/plain' })
    }
  }
  entries.sort((a, b) => comparePaths(a.path, b.path))
  const manifest: Manifest = {
    format: manifestFormat,
    channel,
    name: 'demo' as ChannelName,
    release,
    kind: 'files',
    published: `2026-01-0${release}T00:00:00Z`,
    entries,
  }
  const manifestBytes = encodeManifest(manifest)
  const sha256 = digestOf(manifestBytes) as Digest
  pages.set(`${channelUrl}/objects/${sha256}`, manifestBytes)
  const head: ReleaseTarget = {
    sha256,
    bytes: manifestBytes.byteLength,
    release,
    ...totalsOf(manifest),
  }
  return { manifest, manifestBytes, head }
}

/** Makes the bundle between two releases and puts it on the pages. */
export async function makeStep(
  from: MemoryRelease,
  to: MemoryRelease,
  pages: Map<string, Uint8Array>,
) {
  const objects = new Map<Digest, Uint8Array>()
  for (const { manifest } of [from, to]) {
    for (const entry of manifest.entries) {
      if (entry.type !== 'file') continue
      objects.set(
        entry.sha256,
        pages.get(`${channelUrl}/objects/${entry.sha256}`) ?? Buffer.alloc(0),
      )
    }
  }
  const folder = await mkdtemp(path.join(os.tmpdir(), 'lw-bundle-'))
  try {
    const outputPath = path.join(folder, 'bundle')
    const made = await makeBundle({
      oldManifest: from.manifestBytes,
      newManifest: to.manifestBytes,
      source: memoryObjectSource(objects),
      outputPath,
      effort: 'fast',
    })
    const range = `${from.head.release}..${to.head.release}`
    pages.set(`${channelUrl}/deltas/${range}/${made.sha256}`, await readFile(outputPath))
    const { sha256: manifest, bytes: manifestBytes, ...totals } = figuresOf(to)
    const figures: ReleaseFigures = { manifest, manifestBytes, ...totals }
    const { sha256, bytes } = made
    return {
      from: from.head.release,
      to: to.head.release,
      format: bundleFormat,
      sha256,
      bytes,
      figures,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function figuresOf({ head }: MemoryRelease) {
  const { sha256, bytes, entries, totalBytes, largestFileBytes } = head
  return { sha256, bytes, entries, totalBytes, largestFileBytes }
}

/** Makes a bundle between two releases and offers it as a transmitter does. */
export async function offerBundle(
  from: MemoryRelease,
  to: MemoryRelease,
  pages: Map<string, Uint8Array>,
): Promise<void> {
  const { figures: _figures, ...offer } = await makeStep(from, to, pages)
  const url = `${channelUrl}/deltas/${offer.from}..${offer.to}`
  pages.set(url, Buffer.from(JSON.stringify({ ...offer, wholeBytes: to.head.totalBytes })))
}
