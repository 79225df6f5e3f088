import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { Pool } from 'undici'
import type { ServerProcess } from './server-process.ts'

/** What to ask a server, over and over. */
export interface Load {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly connections: number
  readonly seconds: number
  /** The status that every answer must have. */
  readonly status: number
}

/** What one round cost. */
export interface RoundCost {
  readonly requests: number
  readonly microsecondsPerRequest: number
  readonly requestsPerSecond: number
}

/** Whether wrk is installed; without it this process makes the load. */
export function hasWrk(): boolean {
  return spawnSync('wrk', ['--version']).error === undefined
}

/** Loads a server for a while and says what each request cost it in CPU time. */
export async function measureRound(server: ServerProcess, load: Load): Promise<RoundCost> {
  await checkAnswer(server, load)
  const cpu = server.cpuMicroseconds()
  const started = performance.now()
  const requests = hasWrk() ? await runWrk(server, load) : await runPool(server, load)
  const seconds = (performance.now() - started) / 1000
  return {
    requests,
    microsecondsPerRequest: (server.cpuMicroseconds() - cpu) / requests,
    requestsPerSecond: requests / seconds,
  }
}

/** A bench of error pages would be fast and worth nothing. */
async function checkAnswer(server: ServerProcess, load: Load): Promise<void> {
  const pool = new Pool(server.url)
  const { headers, path } = load
  const answer = await pool.request({ method: 'GET', path, headers })
  await answer.body.dump()
  await pool.destroy()
  if (answer.statusCode !== load.status) {
    throw new Error(`${server.name} answers ${answer.statusCode} instead of ${load.status}`)
  }
}

async function runWrk(server: ServerProcess, load: Load): Promise<number> {
  const headers = Object.entries(load.headers).flatMap(([name, value]) => [
    '-H',
    `${name}: ${value}`,
  ])
  const args = ['-t1', `-c${load.connections}`, `-d${load.seconds}s`, ...headers]
  const wrk = spawn('wrk', [...args, `${server.url}${load.path}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  wrk.stdout.on('data', (chunk) => {
    text += chunk
  })
  await once(wrk, 'close')
  const errors = /Socket errors|Non-2xx/.exec(text)
  if (errors !== null) throw new Error(`${server.name}: ${text}`)
  return Number(/(\d+) requests in/.exec(text)?.[1])
}

async function runPool(server: ServerProcess, load: Load): Promise<number> {
  const pool = new Pool(server.url, { connections: load.connections, pipelining: 1 })
  const end = performance.now() + load.seconds * 1000
  let requests = 0
  const client = async () => {
    while (performance.now() < end) {
      const { headers, path } = load
      const answer = await pool.request({ method: 'GET', path, headers })
      await answer.body.dump({ limit: Number.MAX_SAFE_INTEGER })
      requests += 1
    }
  }
  await Promise.all(Array.from({ length: load.connections }, client))
  await pool.destroy()
  return requests
}
