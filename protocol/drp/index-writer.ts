import type { FileEntry, Manifest } from '../manifest.ts'
import { comparePaths, type EntryPath } from '../paths.ts'
import {
  type ContentIdentifier,
  formatContentIdentifier,
  identifierOfDigest,
} from './content-identifier.ts'
import { drpError } from './errors.ts'

export type DrpIndexStyle =
  | { readonly ids: 'sha256' }
  /** MD5 needs the contents: the caller looks it up or computes it, as 32 hexadecimal digits. */
  | { readonly ids: 'md5'; readonly md5Of: (file: FileEntry) => Promise<string> | string }

export type DrpIndexWriteOptions = DrpIndexStyle & {
  /** Absolute URL, with a trailing slash, that the files are below; left out when undefined. */
  readonly base?: string
}

/**
 * Writes a manifest as DRP index (NOTE-drp 2.2) in pieces. DRP knows files and folders only: a
 * link to a file is written as that file, a link to a folder is left out. The same manifest gives
 * the same bytes, one entry a line, so that two indexes have a small difference.
 * @throws LW_DRP_INDEX_UNWRITABLE for names with characters that XML 1.0 cannot hold
 */
export async function* drpIndexChunks(
  manifest: Manifest,
  options: DrpIndexWriteOptions,
): AsyncGenerator<string, void, undefined> {
  const base = options.base === undefined ? '' : ` base="${escapeAttribute(options.base)}"`
  yield `<?xml version="1.0" encoding="UTF-8"?>\n<index${base}>\n`
  for (const [folder, files] of byFolder(manifest)) {
    const lines: string[] = []
    const indent = folder === '' ? ' ' : '  '
    for (const { name, file } of files) {
      lines.push(`${indent}<file${await attributesOf(name, file, options)}/>\n`)
    }
    if (folder === '') yield lines.join('')
    else if (lines.length === 0) yield ` <dir path="${escapeAttribute(folder)}"/>\n`
    else yield ` <dir path="${escapeAttribute(folder)}">\n${lines.join('')} </dir>\n`
  }
  yield '</index>\n'
}

/** The whole index in memory. */
export async function encodeDrpIndex(
  manifest: Manifest,
  options: DrpIndexWriteOptions,
): Promise<Uint8Array> {
  const parts: Buffer[] = []
  for await (const chunk of drpIndexChunks(manifest, options)) parts.push(Buffer.from(chunk))
  return Buffer.concat(parts)
}

interface NamedFile {
  readonly name: string
  readonly file: FileEntry
}

function byFolder(manifest: Manifest): ReadonlyMap<string, readonly NamedFile[]> {
  const folders = new Map<string, NamedFile[]>()
  const filesByPath = new Map<string, FileEntry>()
  for (const entry of manifest.entries)
    if (entry.type === 'file') filesByPath.set(entry.path, entry)
  for (const entry of manifest.entries) {
    if (entry.type === 'directory') {
      folders.set(entry.path, [])
      continue
    }
    const file = entry.type === 'file' ? entry : linkedFile(filesByPath, entry.path, entry.target)
    if (file === undefined) continue
    const cut = entry.path.lastIndexOf('/')
    const folder = cut === -1 ? '' : entry.path.slice(0, cut)
    const files = folders.get(folder) ?? []
    if (files.length === 0) folders.set(folder, files)
    files.push({ name: entry.path.slice(cut + 1), file })
  }
  return new Map([...folders].sort(([a], [b]) => comparePaths(a, b)))
}

/** The file that a link points at directly; links to links and to folders have none. */
function linkedFile(
  files: ReadonlyMap<string, FileEntry>,
  link: EntryPath,
  target: string,
): FileEntry | undefined {
  const parts = link.split('/').slice(0, -1)
  for (const part of target.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return files.get(parts.join('/'))
}

async function attributesOf(
  name: string,
  file: FileEntry,
  options: DrpIndexWriteOptions,
): Promise<string> {
  let text = ` path="${escapeAttribute(name)}"`
  if (options.ids === 'md5') {
    text += identifierAttribute('id', { algorithm: 'md5', hex: await options.md5Of(file) })
    text += identifierAttribute('sha256', identifierOfDigest(file.sha256))
  } else text += identifierAttribute('id', identifierOfDigest(file.sha256))
  return `${text} size="${file.size}" mime="${escapeAttribute(file.mime)}"`
}

function identifierAttribute(name: string, id: ContentIdentifier): string {
  return ` ${name}="${formatContentIdentifier(id)}"`
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // Written plainly, attribute normalisation (XML 1.0 3.3.3) would turn these into spaces.
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}

function escapeAttribute(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 2.2 excludes them
  if (/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(text) || !text.isWellFormed()) {
    throw drpError('LW_DRP_INDEX_UNWRITABLE', { detail: `${JSON.stringify(text)}.` })
  }
  return text.replace(/[&<>"\t\n\r]/g, (character) => escapes[character] ?? character)
}
