import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** Reads one file of vectors; they stay in the source tree when the tests are built elsewhere. */
export function loadVectors<Vectors>(name: string): Vectors {
  let folder = path.dirname(fileURLToPath(import.meta.url))
  while (!existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder)
  const file = path.join(folder, 'test', 'interop', 'drp', name)
  return JSON.parse(readFileSync(file, 'utf8')) as Vectors
}
