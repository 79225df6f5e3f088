import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/** The project's own folder: the tests may lie in any build of it. */
function findRoot(): string {
  let at = path.dirname(fileURLToPath(import.meta.url))
  for (;;) {
    if (existsSync(path.join(at, 'package.json')) && existsSync(path.join(at, 'biome.json'))) {
      return at
    }
    const above = path.dirname(at)
    if (above === at) throw new Error('no package.json above the test')
    at = above
  }
}

const root = findRoot()
const areas = [
  'protocol',
  'store',
  'transport',
  'delta',
  'trust',
  'mirroring',
  'serving',
  'web',
  'publisher',
  'transmitter',
  'repeater',
  'proxy',
  'gateway',
  'tuner',
  'community',
  'sdk',
  'admin',
  'cli',
]

interface Source {
  readonly name: string
  readonly lines: readonly string[]
}

const sources: readonly Source[] = areas
  .filter((area) => existsSync(path.join(root, area)))
  .flatMap((area) =>
    readdirSync(path.join(root, area), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .map((name) => path.posix.join(area, name.split(path.sep).join('/'))),
  )
  .map((name) => ({
    name,
    lines: readFileSync(path.join(root, name), 'utf8').trimEnd().split('\n'),
  }))

/** Places where code, not a comment, matches: `file:line`. */
function places(pattern: RegExp, mayHave: (name: string) => boolean = () => false): string[] {
  const found: string[] = []
  for (const { name, lines } of sources) {
    if (mayHave(name)) continue
    for (const [index, line] of lines.entries()) {
      if (/^\s*(\/\/|\*|\/\*)/.test(line)) continue
      if (pattern.test(line)) found.push(`${name}:${index + 1}: ${line.trim()}`)
    }
  }
  return found
}

const isCli = (name: string): boolean => name.startsWith('cli/')

t.test('there are sources to look at', async (t) => {
  t.ok(sources.length > 300, String(sources.length))
})

t.test('clock and chance come as arguments', async (t) => {
  const clocks = new Set(['transport/clock.ts', 'proxy/proxy.ts'])
  t.same(
    places(/\bDate\.now\(/, (name) => clocks.has(name) || isCli(name)),
    [],
    'Date.now',
  )
  const chances = new Set(['transport/transport.ts', 'proxy/updates.ts'])
  t.same(
    places(/\bMath\.random\b/, (name) => chances.has(name)),
    [],
    'Math.random',
  )
})

t.test('only the command line and workers end the process', async (t) => {
  const mayEnd = (name: string): boolean => name === 'cli/program.ts' || /-worker\.ts$/.test(name)
  t.same(places(/\bprocess\.exit\(/, mayEnd), [])
})

t.test('files are written through the durable file system', async (t) => {
  // The demo makes a directory such as a developer has; no Longwave state.
  const mayWrite = (name: string): boolean =>
    name.startsWith('store/') || name === 'cli/demo/demo-content.ts'
  t.same(places(/\b(writeFileSync|appendFileSync|(?<!\.)writeFile)\(/, mayWrite), [])
})

t.test('branded strings come from the functions that check them', async (t) => {
  const casts = places(/\bas (Digest|ChannelName|EntryPath)\b/, (name) =>
    name.startsWith('protocol/'),
  )
  // What stands behind a pattern, a schema or a record that was checked when it was written.
  t.ok(casts.length <= 70, `${casts.length} casts:\n${casts.join('\n')}`)
})

t.test('files have one concept each', async (t) => {
  // One transaction whose steps must be read together.
  const longOnes = new Set(['tuner/folders/folder-transaction.ts'])
  const long = sources.filter(({ name, lines }) => lines.length > 400 && !longOnes.has(name))
  t.same(
    long.map(({ name, lines }) => `${name}: ${lines.length}`),
    [],
  )
  const badNames = sources.filter(
    ({ name }) => !/^[a-z0-9/-]+\.ts$/.test(name) || /(^|\/)(utils|helpers|types)\.ts$/.test(name),
  )
  t.same(
    badNames.map(({ name }) => name),
    [],
  )
  t.same(places(/\b(TODO|FIXME|XXX|HACK)\b/), [])
  t.same(places(/^export default\b/), [])
})

t.test('error codes: one area a file, every code once', async (t) => {
  const seen = new Map<string, string>()
  for (const { name, lines } of sources.filter(({ name }) => /errors\.ts$/.test(name))) {
    for (const line of lines) {
      const code = /^ {2}(LW_[A-Z0-9_]+): \{/.exec(line)?.[1]
      if (code === undefined) continue
      t.notOk(seen.has(code), `${code} stands in ${seen.get(code)} and ${name}`)
      seen.set(code, name)
    }
  }
  t.ok(seen.size > 100, String(seen.size))
})

t.test('docs/errors.md and docs/limits.md are in step with the tables', async (t) => {
  const script = path.join(root, 'scripts', 'generate-docs.mjs')
  const run = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
  t.equal(run.status, 0, run.stderr)
})

interface LockedPackage {
  readonly version?: string
  readonly hasInstallScript?: boolean
}

t.test('S71: dependencies are not below the floor; install scripts are known', async (t) => {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, LockedPackage>>
  }
  const floors: Readonly<Record<string, string>> = {
    'node-forge': '1.4.3',
    fastify: '5.8.3',
    undici: '7.24.0',
    tar: '7.5.11',
    'fast-xml-parser': '5.5.7',
  }
  const low: string[] = []
  const scripts = new Set<string>()
  for (const [place, entry] of Object.entries(lock.packages)) {
    const name = place.split('node_modules/').at(-1) ?? ''
    const floor = floors[name]
    const isOurs = place === `node_modules/${name}`
    if (isOurs && floor !== undefined && isBelow(entry.version ?? '0', floor)) {
      low.push(`${name} ${entry.version}`)
    }
    if (entry.hasInstallScript === true && place !== '') scripts.add(name)
  }
  t.same(low, [])
  const known = new Set(['classic-level', 'esbuild', 'bsdiff-node', 'fsevents', 'unrs-resolver'])
  t.same(
    [...scripts].filter((name) => !known.has(name)),
    [],
  )
})

function isBelow(version: string, floor: string): boolean {
  const [a, b] = [version, floor].map((text) => text.split('.').map(Number))
  for (let index = 0; index < 3; index++) {
    const difference = (a?.[index] ?? 0) - (b?.[index] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

t.test('the layer rule is looked at in every module', async (t) => {
  const bin = path.join(root, 'node_modules', '.bin', 'depcruise')
  const run = spawnSync(
    process.execPath,
    [bin, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', '.'],
    { cwd: root, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 },
  )
  const report = JSON.parse(run.stdout) as {
    readonly modules: readonly { readonly source: string }[]
    readonly summary: { readonly violations: readonly { readonly from: string }[] }
  }
  const seen = new Set(report.modules.map((module) => module.source))
  t.same(
    sources.map(({ name }) => name).filter((name) => !seen.has(name)),
    [],
  )
  t.same(report.summary.violations, [])
})
