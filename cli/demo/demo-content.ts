import { createHash } from 'node:crypto'
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { cp, mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'

/** Folders of packages that the install brings; together some thousand real files. */
const folders = [
  'kysely',
  'ajv',
  '@opentelemetry/api',
  'pino',
  '@tufjs/models',
  'prom-client',
  'commander',
  'level',
]

/** Copies real files of installed packages into a directory. @returns how many. */
export async function makeFirstRelease(directory: string): Promise<number> {
  const require = createRequire(import.meta.url)
  await mkdir(directory, { recursive: true })
  for (const name of folders) {
    const folder = installedFolder(require, name)
    if (folder === undefined) continue
    await cp(folder, path.join(directory, name.replaceAll('/', '-')), {
      recursive: true,
      filter: (source) => !path.relative(folder, source).split(path.sep).includes('node_modules'),
    })
  }
  return filesOf(directory).length
}

function installedFolder(require: NodeJS.Require, name: string): string | undefined {
  for (const base of require.resolve.paths(name) ?? []) {
    const folder = path.join(base, name)
    if (existsSync(folder)) return folder
  }
  return undefined
}

/** What the second release changes. */
export interface Edits {
  readonly edited: number
  readonly renamed: number
  readonly removed: number
  readonly added: number
}

/**
 * Turns the first release into the second as a new version of software would: a version number
 * that stands in many files, some real edits, a renamed folder, a removed and a new file.
 */
export function makeSecondRelease(directory: string): Edits {
  const scripts = scriptsOf(directory)
  const edited = edit(scripts, { every: 12, version: '2.0.0' })
  const folder = path.join(directory, 'pino', 'docs')
  const renamed = existsSync(folder) ? filesOf(folder).length : 0
  if (renamed > 0) renameSync(folder, path.join(directory, 'pino', 'manual'))
  const removable = scripts.find((_file, index) => index % 12 === 5)
  if (removable !== undefined) rmSync(removable)
  writeFileSync(path.join(directory, 'NEWS.md'), '# 2.0.0\n\nEverything is better.\n')
  return { edited, renamed, removed: removable === undefined ? 0 : 1, added: 1 }
}

/** A smaller one on top. @returns how many files it edits. */
export function makeThirdRelease(directory: string): number {
  return edit(scriptsOf(directory), { every: 31, version: '2.0.1' })
}

function scriptsOf(directory: string): readonly string[] {
  return filesOf(directory)
    .filter((file) => /\.(js|mjs|d\.ts)$/.test(file))
    .sort()
}

function edit(
  files: readonly string[],
  how: { readonly every: number; readonly version: string },
): number {
  const chosen = files.filter((_file, index) => index % how.every === 0)
  for (const file of chosen) {
    const text = readFileSync(file, 'utf8')
    const changed = text.replace(/\breturn undefined\b/g, 'return void 0')
    // What a build stamps into its files, different in each.
    const build = createHash('sha256').update(text).digest('hex').slice(0, 12)
    writeFileSync(file, `// Release ${how.version}, build ${build}\n${changed}`)
  }
  return chosen.length
}

function filesOf(directory: string): string[] {
  const files: string[] = []
  for (const name of readdirSync(directory)) {
    const file = path.join(directory, name)
    if (statSync(file).isDirectory()) files.push(...filesOf(file))
    else files.push(file)
  }
  return files
}
