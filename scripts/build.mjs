// Builds dist/ with the native TypeScript compiler: one process, no watch, no download.
// With arguments it builds elsewhere, e.g. `node scripts/build.mjs --outDir .build/mine`.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const require = createRequire(import.meta.url)
let compiler
try {
  compiler = path.join(path.dirname(require.resolve('typescript7/package.json')), 'bin', 'tsc')
} catch {
  // Installed as a dependency of something else: dist/ came with the package.
  process.exit(existsSync(path.join(root, 'dist')) ? 0 : 1)
}
const extra = process.argv.slice(2)
const run = spawnSync(
  process.execPath,
  [compiler, '-p', path.join(root, 'tsconfig.json'), ...extra],
  {
    cwd: root,
    stdio: 'inherit',
  },
)
const main = path.join(root, 'dist', 'cli', 'main.js')
if (existsSync(main)) chmodSync(main, 0o755)
process.exit(run.status ?? 1)
