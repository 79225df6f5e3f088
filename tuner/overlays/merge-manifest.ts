import {
  comparePaths,
  type Digest,
  type Entry,
  type EntryPath,
  type Manifest,
  type OverlayFile,
} from '../../protocol/index.ts'

/** The entries of a release with an overlay over them; overlay files are plain data. */
export function mergeManifest(manifest: Manifest, files: readonly OverlayFile[]): Manifest {
  const entries = new Map<string, Entry>(manifest.entries.map((entry) => [entry.path, entry]))
  for (const { path, sha256, size, mime } of files) {
    entries.set(path, {
      type: 'file',
      path: path as EntryPath,
      size,
      sha256: sha256 as Digest,
      mode: '0644',
      mime,
    })
    // An empty folder that gets files needs no entry of its own any more.
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
      entries.delete(path.slice(0, at))
    }
  }
  const sorted = [...entries.values()].sort((a, b) => comparePaths(a.path, b.path))
  return { ...manifest, entries: sorted }
}
