import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/**
 * System calls that change what is on a disk. Plain `write` is not among them: most of those wake
 * threads.
 */
const mutatingCalls = [
  ...['rename', 'renameat', 'renameat2', 'link', 'linkat', 'symlink', 'symlinkat'],
  ...['unlink', 'unlinkat', 'mkdir', 'mkdirat', 'rmdir', 'ftruncate', 'copy_file_range'],
  ...['fsync', 'fdatasync', 'chmod', 'fchmod', 'fchmodat', 'utimensat', 'pwrite64'],
].join(',')

/** A moment of a program: when a thread of it enters a system call for the `at`th time. */
export interface KillPoint {
  readonly call: string
  readonly at: number
}

/** How moments are chosen from all that there are. */
export interface KillSample {
  /** Which is the first; 1 when absent. */
  readonly first?: number
  readonly stride: number
  /** Ends a sweep early, with what it found so far. */
  readonly isOver?: () => boolean
}

/** Why processes cannot be killed at a system call here; undefined when they can. */
export function whyNotTraced(): string | undefined {
  try {
    const given = ['-D', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=rename', 'true']
    execFileSync('strace', given, { stdio: 'ignore' })
    return undefined
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  }
}

/**
 * File operations all run on one thread, so that they are the same every time. Without strace's
 * `--seccomp-bpf`: with it only a first call is ever counted (6.1).
 */
function startTraced(how: readonly string[], program: readonly string[]): ChildProcess {
  const given = ['-f', '-qq', ...how, process.execPath, ...program]
  return spawn('strace', given, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '1', NO_COLOR: '1' },
  })
}

/** Starts a Node program that gets SIGKILL at one moment; it is the child itself, not strace. */
export function startDoomed(point: KillPoint, program: readonly string[]): ChildProcess {
  const inject = `inject=${point.call}:signal=KILL:when=${point.at}`
  const how = ['-D', '-o', '/dev/null', '-e', `trace=${point.call}`, '-e', inject]
  return startTraced(how, program)
}

/** Whether a program was killed before it ended by itself. */
export async function runDoomed(point: KillPoint, program: readonly string[]): Promise<boolean> {
  const { code, signal, said } = await ended(startDoomed(point, program))
  if (signal === 'SIGKILL') return true
  if (code !== 0) throw new Error(`the program ended with ${code ?? signal}: ${said}`)
  return false
}

async function ended(child: ChildProcess) {
  let said = ''
  child.stdout?.resume()
  child.stderr?.on('data', (text) => {
    said += text
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return { code, signal, said }
}

/**
 * Runs a program undisturbed and returns a sample of its moments.
 * @param whileItRuns what is done with a server; then it is ended
 */
export async function killPointsOf(
  program: readonly string[],
  sample: KillSample,
  whileItRuns?: (child: ChildProcess) => Promise<void>,
): Promise<readonly KillPoint[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lw-calls-'))
  try {
    const file = path.join(folder, 'calls')
    const child = startTraced(['-o', file, '-e', `trace=${mutatingCalls}`], program)
    const end = ended(child)
    await whileItRuns?.(child)
    if (whileItRuns !== undefined) endTraced(child.pid ?? 0)
    const { code, said } = await end
    if (whileItRuns === undefined && code !== 0) throw new Error(`it ended with ${code}: ${said}`)
    const points = pointsIn(readFileSync(file, 'utf8'))
    return points.filter((_, index) => {
      const place = index + 1 - (sample.first ?? 1)
      return place >= 0 && place % sample.stride === 0
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Ends the program that a strace runs, which would otherwise outlive it. */
function endTraced(strace: number): void {
  const children = readFileSync(`/proc/${strace}/task/${strace}/children`, 'utf8')
  for (const pid of children.trim().split(/\s+/)) process.kill(Number(pid), 'SIGKILL')
}

/** Calls are counted for each thread and each name, as strace does. */
function pointsIn(trace: string): readonly KillPoint[] {
  const counts = new Map<string, number>()
  const points = new Map<string, KillPoint>()
  for (const [, thread, call = ''] of trace.matchAll(/^(\d+) +([a-z0-9_]+)\(/gm)) {
    const at = (counts.get(`${thread} ${call}`) ?? 0) + 1
    counts.set(`${thread} ${call}`, at)
    points.set(`${call} ${at}`, { call, at })
  }
  return [...points.values()]
}
