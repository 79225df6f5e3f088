import { parseCanonicalJson } from './canonical-json.ts'
import { limits } from './limits.ts'
import type { Manifest } from './manifest.ts'
import { findCollisions } from './name-tree.ts'
import { collisionKey, whyNotEntryPath } from './paths.ts'
import { valuesMaxOf } from './schemas/index.ts'
import { updateError } from './update-errors.ts'
import { checkDocument } from './wire/parse-document.ts'
import { OverlayStatement } from './wire/update.ts'

/** A file that a plug-in adds to a release for one tuner, or puts in the place of one. */
export type OverlayFile = OverlayStatement['files'][number]

/** Whether the manifest opens a path to overlays: a path itself, or a folder with all below it. */
export function isOpenToOverlays(prefixes: readonly string[], path: string): boolean {
  return prefixes.some((prefix) => {
    const folder = prefix.endsWith('/') ? prefix : `${prefix}/`
    return path === prefix || path.startsWith(folder)
  })
}

/** What overlays of one release are held against; made once for all tuners. */
interface OverlayRules {
  readonly entries: ReadonlyMap<string, Manifest['entries'][number]>
  readonly folders: ReadonlySet<string>
  /** Names as they stand in the release, by the key under which colliding ones meet. */
  readonly names: ReadonlyMap<string, string>
}

const rules = new WeakMap<Manifest, OverlayRules>()

function rulesOf(manifest: Manifest): OverlayRules {
  const known = rules.get(manifest)
  if (known !== undefined) return known
  const entries = new Map<string, Manifest['entries'][number]>()
  const folders = new Set<string>()
  for (const entry of manifest.entries) {
    entries.set(entry.path, entry)
    for (const folder of foldersOf(entry.path)) folders.add(folder)
  }
  const names = new Map<string, string>()
  for (const name of [...folders, ...entries.keys()]) names.set(collisionKey(name), name)
  const made = { entries, folders, names }
  rules.set(manifest, made)
  return made
}

/** The folders above a path, outermost first. */
function foldersOf(path: string): string[] {
  const folders: string[] = []
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
    folders.push(path.slice(0, at))
  }
  return folders
}

/**
 * What a release forbids of an overlay's files; undefined when nothing. Overlays are data only:
 * never `main`, executables, links, or what would stand in the way of another entry.
 */
export function whyNotOverlay(
  manifest: Manifest,
  files: readonly Pick<OverlayFile, 'path' | 'size'>[],
): string | undefined {
  if (files.length > limits.overlayFilesMax) return `more than ${limits.overlayFilesMax} files`
  const totalBytes = files.reduce((sum, file) => sum + file.size, 0)
  if (totalBytes > limits.overlayBytesMax) return `more than ${limits.overlayBytesMax} bytes`
  const paths = new Set(files.map((file) => file.path))
  if (paths.size < files.length) return 'a path that stands there twice'
  for (const { path, size } of files) {
    const why = whyNotFile(manifest, path, size) ?? whyInTheWay(manifest, paths, path)
    if (why !== undefined) return `${JSON.stringify(path)}, which ${why}`
  }
  const collision = findCollisions(paths)[0]
  if (collision === undefined) return undefined
  return `${JSON.stringify(collision.first)}, which collides with ${JSON.stringify(collision.second)}`
}

function whyNotFile(manifest: Manifest, path: string, size: number): string | undefined {
  const why = whyNotEntryPath(path)
  if (why !== undefined) return why
  if (!isOpenToOverlays(manifest.plugin?.paths ?? [], path)) return 'is not open to overlays'
  if (size > limits.overlayFileBytesMax) return 'is too large'
  if (path === manifest.main) return 'is the main of the channel'
  const entry = rulesOf(manifest).entries.get(path)
  if (entry !== undefined && entry.type !== 'file') return 'is no file in the release'
  return entry?.mode === '0755' ? 'is executable in the release' : undefined
}

function whyInTheWay(
  manifest: Manifest,
  paths: ReadonlySet<string>,
  path: string,
): string | undefined {
  const { entries, folders, names } = rulesOf(manifest)
  if (folders.has(path)) return 'is a folder in the release'
  for (const folder of foldersOf(path)) {
    // An empty folder of the release may get files.
    const entry = entries.get(folder)
    const isFolder = !paths.has(folder) && (entry === undefined || entry.type === 'directory')
    if (!isFolder) return `needs a folder where ${JSON.stringify(folder)} is none`
  }
  for (const name of [...foldersOf(path), path]) {
    const other = names.get(collisionKey(name))
    if (other !== undefined && other !== name) return `collides with ${JSON.stringify(other)}`
  }
  return undefined
}

/** Parses an overlay's statement from the exact bytes that are signed. @throws LW_UPDATE_OVERLAY */
export function parseOverlayStatement(text: string): OverlayStatement {
  try {
    const bytes = Buffer.from(text)
    const value = parseCanonicalJson(bytes, {
      bytesMax: limits.overlayStatementBytesMax,
      valuesMax: valuesMaxOf(OverlayStatement),
    })
    return checkDocument(OverlayStatement, value)
  } catch (cause) {
    throw updateError('LW_UPDATE_OVERLAY', { detail: 'Its statement is not well formed.', cause })
  }
}
