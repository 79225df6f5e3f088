// Runs the suite with tap and ends with one plain line: "N passed, N failed", and what was skipped.
// A skipped test is counted aloud; with LONGWAVE_CI=1 it is a failure, since CI installs all parts.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'

const require = createRequire(import.meta.url)
const tap = path.join(path.dirname(require.resolve('tap/package.json')), 'dist', 'esm', 'run.mjs')
const args = [tap, '--reporter=tap', ...process.argv.slice(2)]
const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })

let passed = 0
let failed = 0
const skipped = []
let buffer = ''
let showing = false
child.stdout.setEncoding('utf8')
child.stdout.on('data', (text) => {
  buffer += text
  const lines = buffer.split('\n')
  buffer = lines.pop() ?? ''
  for (const line of lines) take(line)
})

/** Test points of any depth; a subtest's own line is not counted, its points are. */
function take(line) {
  const point = /^(\s*)(not )?ok \d+(?: - (.*))?$/.exec(line)
  if (point === null) {
    if (showing) {
      if (/^\s*\.\.\.$/.test(line)) showing = false
      process.stdout.write(`${line}\n`)
    }
    return
  }
  const [, indent = '', not, name = ''] = point
  const isFile = indent === ''
  if (isFile) {
    process.stdout.write(
      `${not === undefined ? 'ok     ' : 'FAILED '} ${name.replace(/\{$/, '')}\n`,
    )
    return
  }
  if (/# SKIP/i.test(name)) {
    skipped.push(name)
    return
  }
  if (not === undefined) passed++
  else {
    failed++
    showing = true
    process.stdout.write(`${line}\n`)
  }
}

child.once('close', (code) => {
  take(buffer)
  for (const name of skipped) process.stdout.write(`skipped: ${name}\n`)
  const mustRun = process.env.LONGWAVE_CI === '1' && skipped.length > 0
  if (mustRun) {
    failed += skipped.length
    process.stdout.write('LONGWAVE_CI=1: a skipped test counts as failed.\n')
  }
  if (code !== 0 && failed === 0) failed = 1
  const rest = skipped.length === 0 || mustRun ? '' : `, ${skipped.length} skipped`
  process.stdout.write(`${passed} passed, ${failed} failed${rest}\n`)
  process.exit(failed > 0 ? 1 : 0)
})
