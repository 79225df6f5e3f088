import path from 'node:path'
import { bundleFormat, fileObjectSource, makeBundle } from '../../delta/index.ts'
import {
  type Digest,
  type FileEntry,
  digestOf,
  filesOf,
  isLongwaveError,
  parseManifest,
} from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  type Randomness,
  removeIfPresent,
  syncFile,
  temporaryName,
} from '../../store/durable-files/index.ts'
import type { SignedBundle } from '../../trust/index.ts'
import { publisherLimits } from '../limits.ts'
import type { KnownRelease } from '../sign/index.ts'
import type { StaticSite } from './static-site.ts'

export interface StaticBundlesOptions {
  readonly fs: FileSystem
  readonly randomness: Randomness
  readonly site: StaticSite
  readonly releases: readonly KnownRelease[]
  readonly next: { readonly release: number; readonly bytes: Uint8Array }
  readonly effort: 'fast' | 'best'
  readonly signal?: AbortSignal | undefined
}

export interface StaticBundles {
  readonly bundles: readonly SignedBundle[]
  readonly warnings: readonly string[]
}

/**
 * Makes bundles from the last few releases, where they are smaller than what they stand for: the
 * compressed objects and the manifest.
 */
export async function makeStaticBundles(options: StaticBundlesOptions): Promise<StaticBundles> {
  const bundles: SignedBundle[] = []
  const warnings: string[] = []
  const from = options.releases
    .filter((item) => item.release < options.next.release)
    .slice(-publisherLimits.staticBundlesMax)
  for (const release of from) {
    options.signal?.throwIfAborted()
    try {
      const bundle = await makeOne(options, release)
      if (bundle !== undefined) bundles.push(bundle)
    } catch (error) {
      if (!isLongwaveError(error) || options.signal?.aborted === true) throw error
      // Without a bundle the objects are fetched one by one: dearer, never wrong.
      warnings.push(`No bundle from release ${release.release}: ${error.message}`)
    }
  }
  return { bundles, warnings }
}

async function makeOne(
  options: StaticBundlesOptions,
  old: KnownRelease,
): Promise<SignedBundle | undefined> {
  const { fs, site, next, randomness, signal, effort } = options
  const oldBytes = await site.readObject(old.manifest)
  if (oldBytes === undefined || digestOf(oldBytes) !== old.manifest) return undefined
  const oldFiles = filesOf(parseManifest(oldBytes))
  const nextFiles = filesOf(parseManifest(next.bytes))
  // Without a bundle the new manifest travels as well.
  const manifest = await site.compressedSize(digestOf(next.bytes))
  const objects = await wholeBytes(site, oldFiles, nextFiles)
  const whole = objects + (manifest ?? next.bytes.byteLength)
  const paths = new Map<Digest, string>()
  for (const { sha256 } of [...oldFiles, ...nextFiles]) paths.set(sha256, site.objectPath(sha256))
  const deltas = path.join(site.directory, 'deltas')
  const folder = path.join(deltas, `${old.release}..${next.release}`)
  await ensureDirectory(fs, deltas)
  const temporary = path.join(deltas, temporaryName(randomness))
  const made = await makeBundle({
    oldManifest: oldBytes,
    newManifest: next.bytes,
    source: fileObjectSource(paths),
    outputPath: temporary,
    effort,
    ...(signal === undefined ? {} : { signal }),
  })
  if (made.bytes >= whole) {
    await removeIfPresent(fs, temporary)
    return undefined
  }
  await fs.chmod(temporary, 0o644)
  await syncFile(fs, temporary)
  await ensureDirectory(fs, folder)
  await fs.rename(temporary, path.join(folder, made.sha256))
  await fs.syncDirectory(folder)
  return { from: old.release, sha256: made.sha256, bytes: made.bytes, format: bundleFormat }
}

/** What the objects cost that the older release does not have, precompressed where they are. */
async function wholeBytes(
  site: StaticSite,
  before: readonly FileEntry[],
  after: readonly FileEntry[],
): Promise<number> {
  const known = new Set(before.map((file) => file.sha256))
  let bytes = 0
  for (const { sha256, size } of after) {
    if (known.has(sha256)) continue
    known.add(sha256)
    bytes += (await site.compressedSize(sha256)) ?? size
  }
  return bytes
}
