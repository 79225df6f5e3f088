import { formatError } from './format-errors.ts'
import { limits } from './limits.ts'
import { quoted } from './quoted.ts'

declare const pathBrand: unique symbol

/** A path inside a release: relative, `/`-separated, well-formed UTF-8, nothing that climbs out. */
export type EntryPath = string & { readonly [pathBrand]: 'EntryPath' }

/** Says why text cannot be an entry path, as in "it is empty"; undefined when it can. */
export function whyNotEntryPath(text: unknown): string | undefined {
  if (typeof text !== 'string') return 'is not text'
  if (text === '') return 'is empty'
  if (!text.isWellFormed()) return 'is not valid Unicode'
  if (Buffer.byteLength(text) > limits.pathBytesMax) {
    return `is longer than ${limits.pathBytesMax} bytes`
  }
  if (text.startsWith('/')) return 'is absolute'
  if (text.includes('\\')) return 'contains a backslash'
  if (text.includes('\0')) return 'contains NUL'
  if (/^[A-Za-z]:/.test(text)) return 'starts with a drive letter'
  const parts = text.split('/')
  if (parts.length > limits.pathDepthMax) return `is nested deeper than ${limits.pathDepthMax}`
  for (const part of parts) {
    if (part === '') return 'with an empty part'
    if (part === '.' || part === '..') return `with a part "${part}"`
    if (Buffer.byteLength(part) > limits.pathPartBytesMax) {
      return `with a part longer than ${limits.pathPartBytesMax} bytes`
    }
  }
  return undefined
}

/** @throws LW_FORMAT_PATH */
export function parseEntryPath(text: unknown): EntryPath {
  const why = whyNotEntryPath(text)
  if (why !== undefined) {
    throw formatError('LW_FORMAT_PATH', { detail: `${quoted(text)} ${why}.` })
  }
  return text as EntryPath
}

/** Orders paths as manifests do: by UTF-8 bytes. */
export function comparePaths(a: string, b: string): number {
  if (a === b) return 0
  // UTF-16 order differs from UTF-8 order only where surrogates meet U+E000 and above.
  for (let i = 0; i < a.length && i < b.length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) {
      const xs = x >= 0xd800 && x <= 0xdfff
      const ys = y >= 0xd800 && y <= 0xdfff
      return xs === ys ? x - y : xs ? 1 : -1
    }
  }
  return a.length - b.length
}

/**
 * Resolves a symbolic link's target against the folder that holds the link and says why it is
 * refused: only targets that stay inside the tree may be distributed. `..` may stand only at the
 * front: behind a name that is a link itself it would go up from wherever that one leads, so that
 * two links that each stay inside could together lead out.
 */
export function whyNotLinkTarget(link: EntryPath, target: unknown): string | undefined {
  if (typeof target !== 'string' || target === '') return 'an empty target'
  if (!target.isWellFormed()) return 'a target that is not valid Unicode'
  if (Buffer.byteLength(target) > limits.pathBytesMax) return 'a target that is too long'
  if (target.startsWith('/')) return 'an absolute target'
  if (/[\\\0]/.test(target) || /^[A-Za-z]:/.test(target))
    return 'a target with forbidden characters'
  let depth = link.split('/').length - 1
  let isBelow = false
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') isBelow = true
    else if (isBelow) return 'a target that goes up again behind a name'
    else if (--depth < 0) return 'a target outside the tree'
  }
  return undefined
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
const isAscii = /^[\u0000-\u007f]*$/

/**
 * The key under which two names meet on file systems that fold case, normalisation or width.
 * Upper case folds what has no single lower-case form (ß/ss, ligatures, dotless i), and lower case
 * before it what has no other upper-case form (ẞ).
 */
export function collisionKey(path: string): string {
  // Of what follows only the case matters to ASCII.
  if (isAscii.test(path)) return path.toLowerCase()
  return path
    .normalize('NFKC')
    .replace(/[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]/g, '')
    .toLowerCase()
    .toUpperCase()
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\u0307/g, '')
    .replace(/ı/g, 'i')
}

/** The folder at the root of a synchronized folder in which its updates are prepared. */
export const updatingName = '.longwave-updating'

/**
 * Whether a name at the root of a release is, on some file system, the one of that folder. Entries
 * below it could not be told from an update under way.
 */
export function isReservedName(name: string): boolean {
  return collisionKey(name) === updatingName
}

const windowsDevices = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?$/i

/** Says why Windows refuses a path; undefined when it takes it. */
export function whyNotOnWindows(path: string): string | undefined {
  if (path.length > 240) return 'longer than Windows takes (260 with the folder before it)'
  for (const part of path.split('/')) {
    if (windowsDevices.test(part)) return `"${part}" is a device name`
    if (/[. ]$/.test(part)) return `"${part}" ends with a dot or a space`
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the point
    if (/[<>:"|?*\u0001-\u001f]/.test(part)) return `"${part}" has a character Windows refuses`
  }
  return undefined
}
