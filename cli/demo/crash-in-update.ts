import { spawn } from 'node:child_process'
import { existsSync, watch } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../main.js', import.meta.url))

/** Starts an update and kills it the moment that it has begun to build the new release. */
export async function crashInUpdate(home: string, release: number): Promise<void> {
  const staging = path.join(home, 'tuner', 'channels', 'software', 'staging')
  await mkdir(staging, { recursive: true })
  const child = spawn(process.execPath, [main, 'update', 'software', '--quiet', '--home', home], {
    stdio: 'ignore',
  })
  const ended = new Promise<NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (_code, signal) => resolve(signal))
  })
  const tree = path.join(staging, `building-${release}`, 'tree')
  const watcher = watch(staging, { recursive: true }, () => {
    if (existsSync(tree)) child.kill('SIGKILL')
  })
  const signal = await ended
  watcher.close()
  if (signal !== 'SIGKILL') throw new Error('the update was over before it could be killed')
}
