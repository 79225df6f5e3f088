import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

/** A server in a process of its own, and what it has cost so far. */
export interface ServerProcess extends AsyncDisposable {
  readonly name: string
  readonly url: string
  /** CPU time of the process in microseconds, from /proc. */
  cpuMicroseconds(): number
}

const ticksPerSecond = 100

/** Starts one of our own server scripts; its first line on stdout is its URL. */
export async function startNodeServer(
  name: string,
  script: string,
  args: readonly string[],
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return serverProcess(name, line.toString().trim(), child)
}

/** Wraps a running child process. */
export function serverProcess(name: string, url: string, child: ChildProcess): ServerProcess {
  return {
    name,
    url,
    cpuMicroseconds: () => cpuOf(child.pid ?? 0),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

/** utime and stime: fields 14 and 15 of proc(5), behind the name, which may hold blanks. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6
}
