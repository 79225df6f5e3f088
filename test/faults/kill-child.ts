import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A worker process whose lines say what it was told is durable. */
export interface Child {
  readonly pid: number
  /** Resolves with the next line. */
  nextLine(): Promise<string>
  /** Ends it as a power switch would end a process, and returns the last line that it printed. */
  kill(): Promise<string>
}

/** Starts `kill-worker` with a workload over a folder. */
export async function startChild(work: string, directory: string): Promise<Child> {
  const worker = fileURLToPath(new URL('./kill-worker.js', import.meta.url))
  const child = spawn(process.execPath, [worker, work, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  const lines = createInterface({ input: child.stdout })
  let last = ''
  lines.on('line', (line) => {
    last = line
  })
  return {
    pid: child.pid ?? 0,
    async nextLine() {
      const [line] = (await Promise.race([
        once(lines, 'line'),
        ended.then(() => Promise.reject(new Error('the worker ended by itself'))),
      ])) as [string]
      return line
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
      return last
    },
  }
}
