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

/** Packages that the install brings; together some thousand real files. */
const packages = ['kysely', 'typebox', 'undici', 'fastify', 'pino', 'level', 'commander']

/** Copies real files of installed packages into a directory. @returns how many. */
export async function makeFirstRelease(directory: string): Promise<number> {
  const require = createRequire(import.meta.url)
  await mkdir(directory, { recursive: true })
  for (const name of packages) {
    const folder = packageFolder(require, name)
    if (folder === undefined) continue
    await cp(folder, path.join(directory, name), {
      recursive: true,
      filter: (source) => !path.relative(folder, source).split(path.sep).includes('node_modules'),
    })
  }
  return filesOf(directory).length
}

function packageFolder(require: NodeJS.Require, name: string): string | undefined {
  for (const base of require.resolve.paths(name) ?? []) {
    const folder = path.join(base, name)
    if (existsSync(path.join(folder, 'package.json'))) return folder
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
  const scripts = filesOf(directory)
    .filter((file) => /\.(js|mjs|d\.ts)$/.test(file))
    .sort()
  let edited = 0
  for (const [index, file] of scripts.entries()) {
    if (index % 12 !== 0) continue
    const text = readFileSync(file, 'utf8')
    const changed = text
      .replace(/^/, '// Release 2.0.0\n')
      .replace(/\breturn undefined\b/g, 'return void 0')
    writeFileSync(file, changed)
    edited++
  }
  const folder = path.join(directory, 'undici', 'docs')
  const renamed = existsSync(folder) ? filesOf(folder).length : 0
  if (renamed > 0) renameSync(folder, path.join(directory, 'undici', 'manual'))
  const removable = scripts.find((_file, index) => index % 12 === 5)
  if (removable !== undefined) rmSync(removable)
  writeFileSync(path.join(directory, 'NEWS.md'), '# 2.0.0\n\nEverything is better.\n')
  return { edited, renamed, removed: removable === undefined ? 0 : 1, added: 1 }
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
