import { execFile, execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)
const program = fileURLToPath(new URL('../faults/power-cut.js', import.meta.url))

/** Whether file systems can be mounted here, in a namespace of our own. */
function mayMount(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const isSkipped = !mayMount() && process.env['LONGWAVE_CI'] !== '1'
const skip = isSkipped && 'no power was cut: file systems cannot be mounted here'

// `node dist/test/faults/power-cut.js` cuts the power at many operations of every act.
t.test('R6: a real ext4 that loses its power has the old or the new state', { skip }, async (t) => {
  const given = [program, '--act', 'undo', '--stride', '9', '--workloads', '1']
  const { stdout } = await run(process.execPath, given)
  t.comment(stdout.trim())
  t.match(stdout, /^undo .* 0 mixed, 0 left, 0 stuck$/m)
  t.ok(Number(/^(\d+) points, 0 mixed/m.exec(stdout)?.[1] ?? 0) >= 3, 'points were reached')
})

// The order in which such an ext4 writes is nobody's: only what was synced is there.
t.test('R8: the same with data=writeback and noauto_da_alloc', { skip }, async (t) => {
  const options = ['--options', 'data=writeback,noauto_da_alloc']
  const given = [program, '--act', 'update', '--stride', '19', '--workloads', '1', ...options]
  const { stdout } = await run(process.execPath, given)
  t.comment(stdout.trim())
  t.match(stdout, /^update .* 0 mixed, 0 left, 0 stuck$/m)
  t.ok(Number(/^(\d+) points, 0 mixed/m.exec(stdout)?.[1] ?? 0) >= 3, 'points were reached')
})
