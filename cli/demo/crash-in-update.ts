import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const lookEveryMs = 4
const filesBeforeKill = 100

const main = fileURLToPath(new URL('../main.js', import.meta.url))

/**
 * Starts an update and kills it the moment that it has begun to build the new release.
 * @returns how many files it had built.
 */
export async function crashInUpdate(home: string, release: number): Promise<number> {
  const staging = path.join(home, 'tuner', 'channels', 'software', 'staging')
  const child = spawn(process.execPath, [main, 'update', 'software', '--quiet', '--home', home], {
    stdio: 'ignore',
  })
  const ended = new Promise<NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (_code, signal) => resolve(signal))
  })
  const tree = path.join(staging, `building-${release}`, 'tree')
  const watcher = setInterval(() => {
    if (filesBelow(tree) >= filesBeforeKill) child.kill('SIGKILL')
  }, lookEveryMs)
  const signal = await ended
  clearInterval(watcher)
  if (signal !== 'SIGKILL') throw new Error('the update was over before it could be killed')
  return filesBelow(tree)
}

function filesBelow(folder: string): number {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).length
  } catch {
    // Not there yet, or just being cleared away.
    return 0
  }
}
