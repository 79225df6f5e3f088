// Builds dist/: TypeScript with the native compiler, then each kernel (a folder named `kernel`, written in
// AssemblyScript; docs/architecture.md) into the `kernel.wasm` beside the compiled files that load it.
// `node scripts/build.mjs --outDir .build/mine` builds elsewhere.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const require = createRequire(import.meta.url)
const extra = process.argv.slice(2)
const given = extra.indexOf('--outDir')
const outDir = path.resolve(root, given < 0 ? 'dist' : extra[given + 1])

/** What the kernels are compiled with; part of what their stamps say. */
const kernelOptions = [
  '-O3',
  '--noAssert',
  '--runtime',
  'stub',
  '--enable',
  'simd',
  '--importMemory',
  '--initialMemory',
  '1',
]

function packageFolder(name) {
  return path.dirname(require.resolve(`${name}/package.json`))
}

let typescript
try {
  typescript = path.join(packageFolder('typescript7'), 'bin', 'tsc')
} catch {
  // Installed as a dependency of something else: dist/ came with the package.
  process.exit(existsSync(path.join(root, 'dist')) ? 0 : 1)
}
let status = run(typescript, ['-p', path.join(root, 'tsconfig.json'), ...extra])
for (const folder of kernelFolders()) status ||= buildKernel(folder)
const main = path.join(outDir, 'cli', 'main.js')
if (existsSync(main)) chmodSync(main, 0o755)
process.exit(status)

function run(script, args) {
  const { status } = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' })
  return status ?? 1
}

/** Folders named `kernel` of the engine, relative to the root. */
function kernelFolders() {
  return readdirSync(path.join(root, 'delta'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name === 'kernel')
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort()
}

/** Compiles one kernel unless what was compiled last came from the same sources. */
function buildKernel(folder) {
  const target = path.join(outDir, folder, 'kernel.wasm')
  const compiler = packageFolder('assemblyscript')
  const stamp = createHash('sha256')
  stamp.update(
    JSON.stringify([kernelOptions, readFileSync(path.join(compiler, 'package.json'), 'utf8')]),
  )
  for (const name of readdirSync(path.join(root, folder)).sort()) {
    stamp.update(name).update(readFileSync(path.join(root, folder, name)))
  }
  const wanted = stamp.digest('hex')
  const note = `${target}.stamp`
  if (existsSync(target) && existsSync(note) && readFileSync(note, 'utf8') === wanted) return 0
  mkdirSync(path.dirname(target), { recursive: true })
  const failed = run(path.join(compiler, 'bin', 'asc.js'), [
    path.join(folder, 'kernel.ts'),
    ...kernelOptions,
    '-o',
    target,
  ])
  if (failed === 0) writeFileSync(note, wanted)
  return failed
}
