// Runs the suite and ends with one plain line: "N passed, N failed", and what was skipped.
// - Each file is a TAP program of its own and runs in a plain `node`: no loader or environment
//   variable of a runner reaches the processes that tests start.
// - A file that fails while the two cores are shared is run again alone; what fails twice has failed.
// - A skipped test is counted aloud; with LONGWAVE_CI=1, where all parts are installed, it fails.
// Usage: node scripts/test.mjs [part of a file's name]...
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'

const fileSecondsMax = 300
const isCi = process.env.LONGWAVE_CI === '1'

const named = process.argv.slice(2)
const all = readdirSync('dist/test', { recursive: true })
  .filter((name) => name.endsWith('.test.js'))
  .map((name) => path.join('dist', 'test', name))
  .sort()
const chosen = all.filter((file) => named.length === 0 || named.some((part) => file.includes(part)))

const results = new Map()
const children = new Set()
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    for (const child of children) child.kill('SIGKILL')
    process.exit(130)
  })
}
const queue = [...chosen]
const lanes = Math.max(2, Math.min(4, availableParallelism()))
await Promise.all(Array.from({ length: lanes }, () => runLane(queue)))
for (const file of chosen.filter((name) => results.get(name).failed > 0)) {
  process.stdout.write(`again, alone: ${file}\n`)
  await runLane([file])
}
summarise([...results.values()])

async function runLane(files) {
  for (let file = files.shift(); file !== undefined; file = files.shift()) {
    results.set(file, await runFile(file))
  }
}

/** Runs one file; shows its failed points, and everything that it said if it did not come so far. */
function runFile(file) {
  const startedMs = performance.now()
  const child = spawn(process.execPath, ['--enable-source-maps', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TAP_TIMEOUT: String(fileSecondsMax) },
  })
  children.add(child)
  const timer = setTimeout(() => child.kill('SIGKILL'), (fileSecondsMax + 30) * 1000)
  const lines = []
  const errors = []
  collect(child.stdout, lines)
  collect(child.stderr, errors)
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      children.delete(child)
      const report = readPoints(lines)
      if (isCi) report.failed += report.skipped.length
      // A file that ended badly, or without a point, has failed whatever it said.
      if ((code !== 0 || report.passed === 0) && report.failed === 0) report.failed = 1
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
      const isOk = report.failed === 0
      const said = isOk ? [] : [...report.shown, ...errors.slice(-40)]
      const ending = signal === null ? '' : `, ended by ${signal}`
      const word = isOk ? 'ok    ' : 'FAILED'
      process.stdout.write(
        [...said, `${word} ${path.relative('dist', file)} (${seconds} s${ending})`, ''].join('\n'),
      )
      resolve({ ...report, name: file })
    })
  })
}

function collect(stream, lines) {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  stream.on('end', () => {
    if (rest !== '') lines.push(rest)
  })
}

/** Counts the points of a TAP stream: the leaves, not the sums that each subtest gives of itself. */
function readPoints(lines) {
  const report = { passed: 0, failed: 0, skipped: [], shown: [] }
  const begun = []
  let showing = false
  for (const line of lines) {
    const subtest = /^(\s*)# Subtest: (.*)$/.exec(line)
    if (subtest !== null) begun.push({ indent: subtest[1].length, text: subtest[2] })
    const point = /^(\s*)(not )?ok \d+(?: - (.*))?$/.exec(line)
    if (point === null) {
      if (showing) report.shown.push(line)
      if (/^\s*\.\.\.$/.test(line)) showing = false
      continue
    }
    const [, indent, not, text = ''] = point
    const own = begun.at(-1)
    const isSum = own !== undefined && own.indent === indent.length && text.startsWith(own.text)
    if (isSum) begun.pop()
    if (/# (SKIP|TODO)/i.test(text)) report.skipped.push(text)
    else if (not !== undefined) {
      // A subtest that failed without a failed point (a timeout, a throw) counts for itself.
      if (!isSum || !report.shown.some((shown) => shown.includes('not ok'))) report.failed++
      report.shown.push(line)
      showing = true
    } else if (!isSum) report.passed++
  }
  return report
}

function summarise(files) {
  const sum = (of) => files.reduce((total, file) => total + of(file), 0)
  for (const { name, skipped } of files) {
    for (const text of skipped) process.stdout.write(`skipped: ${name}: ${text}\n`)
  }
  const failed = files.filter((file) => file.failed > 0)
  for (const { name } of failed) {
    process.stdout.write(`failed twice: ${name}\n`)
  }
  const passed = sum((file) => file.passed)
  const skipped = sum((file) => file.skipped.length)
  const rest = skipped === 0 ? '' : `, ${skipped} skipped`
  process.stdout.write(`${passed} passed, ${sum((file) => file.failed)} failed${rest}\n`)
  process.exit(failed.length > 0 || passed === 0 ? 1 : 0)
}
