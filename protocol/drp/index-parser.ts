import { SaxesParser, type SaxesTagPlain } from 'saxes'
import { isLongwaveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { findCollisions } from '../name-tree.ts'
import { type EntryPath, whyNotEntryPath, whyNotOnWindows } from '../paths.ts'
import {
  type ContentIdentifier,
  digestOfIdentifier,
  readContentIdentifier,
} from './content-identifier.ts'
import { drpError } from './errors.ts'
import { resolveBase, urlBelow } from './index-base.ts'
import type { DrpFile, DrpIndex } from './index-model.ts'
import { drpLimits } from './limits.ts'

export interface DrpIndexOptions {
  /** Where the index came from; the base of its paths unless it names another. */
  readonly url: string
  /** Whether `base` may be on another origin than the index; by default it may not. */
  readonly allowOtherOrigin?: boolean
  /** `portable` (the default) also refuses names that Windows cannot hold. */
  readonly names?: 'portable' | 'any'
  readonly bytesMax?: number
  readonly entriesMax?: number
}

/**
 * Parses a DRP index. Nothing outside the document is read and no entity but XML's own five is
 * known; a declaration in the syntax of 1997 is passed over.
 * @throws LW_DRP_INDEX
 */
export function parseDrpIndex(bytes: Uint8Array, options: DrpIndexOptions): DrpIndex {
  const bytesMax = options.bytesMax ?? drpLimits.indexBytesMax
  if (bytes.byteLength > bytesMax) refuse(`${bytes.byteLength} bytes, at most ${bytesMax} are read`)
  const reader = new IndexReader(options)
  const parser = new SaxesParser({ xmlns: false, position: false })
  parser.on('error', () => refuse('not well-formed XML'))
  parser.on('xmldecl', ({ encoding }) => {
    if (encoding !== undefined && !/^(utf-8|us-ascii)$/i.test(encoding)) refuse('not UTF-8')
  })
  parser.on('doctype', (text) => {
    if (text.includes('[')) refuse('it declares entities or elements of its own')
  })
  parser.on('opentag', (tag) => reader.open(tag))
  parser.on('closetag', () => reader.close())
  parser.on('text', (text) => reader.text(text))
  parser.on('cdata', (text) => reader.text(text))
  try {
    parser.write(textOf(bytes)).close()
  } catch (cause) {
    if (isLongwaveError(cause)) throw cause
    throw drpError('LW_DRP_INDEX', { cause })
  }
  return reader.finish()
}

function refuse(why: string): never {
  throw drpError('LW_DRP_INDEX', { detail: `${why}.` })
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function textOf(bytes: Uint8Array): string {
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch (cause) {
    throw drpError('LW_DRP_INDEX', { detail: 'not UTF-8.', cause })
  }
  // XML 1.0 reserves this target; the drafts of 1997 wrote their declaration so.
  return text.replace(/^\s{0,64}<\?XML[^?>]{0,200}\?>/, '')
}

/** One open `index` or `dir`. */
interface Level {
  readonly path: string
  children: number
}

/** Turns tags into entries; lives for one document. */
class IndexReader {
  readonly #options: DrpIndexOptions
  readonly #entriesMax: number
  readonly #levels: Level[] = []
  readonly #files: DrpFile[] = []
  readonly #emptyDirectories: EntryPath[] = []
  readonly #paths = new Set<string>()
  #id: ContentIdentifier | undefined
  #base: string | undefined
  #inFile = false
  #elements = 0

  constructor(options: DrpIndexOptions) {
    this.#options = options
    this.#entriesMax = options.entriesMax ?? drpLimits.entriesMax
  }

  open(tag: SaxesTagPlain): void {
    const attributes = tag.attributes
    if (Object.keys(attributes).length > drpLimits.attributesMax) refuse('too many attributes')
    if (++this.#elements > this.#entriesMax + 1) refuse(`more than ${this.#entriesMax} entries`)
    const parent = this.#levels.at(-1)
    if (this.#inFile) refuse('a file holds an element')
    if (parent === undefined) this.#openIndex(tag)
    else if (tag.name === 'file') this.#openFile(attributes, parent)
    else if (tag.name === 'dir') this.#openDirectory(attributes, parent)
    else refuse(`element ${JSON.stringify(tag.name.slice(0, 40))}`)
  }

  close(): void {
    if (this.#inFile) {
      this.#inFile = false
      return
    }
    const level = this.#levels.pop()
    if (level !== undefined && level.children === 0 && level.path !== '') {
      this.#emptyDirectories.push(level.path as EntryPath)
    }
  }

  text(text: string): void {
    if (/[^ \t\r\n]/.test(text)) refuse('text between the elements')
  }

  finish(): DrpIndex {
    if (this.#base === undefined) refuse('no index element')
    const emptyDirectories = [...new Set(this.#emptyDirectories)]
    this.#refuseFilesAsFolders()
    const collision = findCollisions([...this.#paths, ...emptyDirectories])[0]
    if (collision !== undefined) {
      refuse(`${JSON.stringify(collision.first)} and ${JSON.stringify(collision.second)} collide`)
    }
    return { id: this.#id, base: this.#base, files: this.#files, emptyDirectories }
  }

  #openIndex(tag: SaxesTagPlain): void {
    if (tag.name !== 'index' || this.#base !== undefined) refuse('the root element is not an index')
    this.#base = resolveBase(tag.attributes['base'], this.#options)
    this.#id = identifierOf(tag.attributes['id'])
    this.#levels.push({ path: '', children: 0 })
  }

  #openDirectory(attributes: Record<string, string>, parent: Level): void {
    if (this.#levels.length > drpLimits.nestingMax) refuse('nested too deep')
    const path = this.#resolve(attributes['path'], parent)
    this.#levels.push({ path, children: 0 })
  }

  #openFile(attributes: Record<string, string>, parent: Level): void {
    const path = this.#resolve(attributes['path'], parent)
    if (this.#paths.has(path)) refuse(`${JSON.stringify(path)} is there twice`)
    this.#paths.add(path)
    const id = identifierOf(attributes['id'])
    const strongId = identifierOf(attributes['sha256'])
    if (strongId !== undefined && digestOfIdentifier(strongId) === undefined) {
      refuse('a sha256 attribute of another kind')
    }
    this.#inFile = true
    this.#files.push({
      path,
      url: urlBelow(this.#base ?? '', path),
      id,
      strongId: strongId ?? (id?.algorithm === 'sha256' ? id : undefined),
      size: sizeOf(attributes['size']),
      mime: shortText(attributes['mime']),
      info: shortText(attributes['info']),
    })
  }

  #resolve(path: string | undefined, parent: Level): EntryPath {
    if (path === undefined) refuse('an entry has no path')
    // The part alone, too: "/x" below a folder must not pass as an empty part would.
    const joined = parent.path === '' ? path : `${parent.path}/${path}`
    let why = whyNotEntryPath(path) ?? whyNotEntryPath(joined)
    if (why === undefined && this.#options.names !== 'any') why = whyNotOnWindows(joined)
    if (why !== undefined) refuse(`path ${JSON.stringify(joined.slice(0, 200))}: ${why}`)
    parent.children++
    return joined as EntryPath
  }

  #refuseFilesAsFolders(): void {
    const folders = [...this.#paths, ...this.#emptyDirectories]
    for (const path of folders) {
      for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
        if (this.#paths.has(path.slice(0, at))) refuse(`${JSON.stringify(path)} is inside a file`)
      }
    }
    for (const path of this.#emptyDirectories) {
      if (this.#paths.has(path)) refuse(`${JSON.stringify(path)} is a file and a dir`)
    }
  }
}

function identifierOf(text: string | undefined): ContentIdentifier | undefined {
  if (text === undefined || text === '') return undefined
  return readContentIdentifier(text) ?? refuse('an id is not a content identifier')
}

function sizeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const size = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!(size <= limits.fileBytesMax)) refuse(`size ${JSON.stringify(text.slice(0, 40))}`)
  return size
}

function shortText(text: string | undefined): string | undefined {
  if (text !== undefined && text.length > drpLimits.attributeCharactersMax) refuse('an attribute')
  return text
}
