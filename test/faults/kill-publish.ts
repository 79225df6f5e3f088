import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type KillPoint, type KillSample, killPointsOf, startDoomed } from './kill-run.ts'
import { PublishBench } from './publish-bench.ts'

const program = fileURLToPath(new URL('../support/transmitter-process.js', import.meta.url))

export interface PublishKills {
  points: number
  old: number
  new: number
  readonly mixed: string[]
}

/** Kills a transmitter at a sample of the system calls of its start and of a publish. */
export async function sweepPublishKills(sample: KillSample): Promise<PublishKills> {
  const bench = await PublishBench.open()
  const counts: PublishKills = { points: 0, old: 0, new: 0, mixed: [] }
  try {
    const whole = bench.prepare()
    const points = await killPointsOf([program, whole], sample, async (child) => {
      await bench.publishSecond(await stageOf(child, whole))
    })
    bench.discard(whole)
    for (const point of points) {
      if (sample.isOver?.() === true) break
      const directory = bench.prepare()
      const isKilled = await publishTo(bench, directory, point)
      if (isKilled) {
        counts.points++
        const state = await bench.check(directory)
        if (state === 'mixed') counts.mixed.push(`publish at ${point.call} ${point.at}`)
        else counts[state]++
      }
      bench.discard(directory)
    }
  } finally {
    await bench.close()
  }
  return counts
}

/** Where a transmitter that starts can be reached; rejects when it ends before. */
async function stageOf(child: ChildProcess, directory: string) {
  child.stderr?.resume()
  if (child.stdout === null) throw new Error('no output')
  const lines = createInterface({ input: child.stdout })
  const [url] = (await Promise.race([
    once(lines, 'line'),
    once(child, 'close').then(() => Promise.reject(new Error('it ended before it listened'))),
  ])) as [string]
  const token = readFileSync(path.join(directory, 'publish-token'), 'utf8').trim()
  return { url, token }
}

/** @returns whether the transmitter was killed before the publish had come to its end */
async function publishTo(
  bench: PublishBench,
  directory: string,
  point: KillPoint,
): Promise<boolean> {
  const child = startDoomed(point, [program, directory])
  const ended = once(child, 'close') as Promise<[number | null, string | null]>
  try {
    await bench.publishSecond(await stageOf(child, directory))
  } catch {
    // What broke it must have been the end of the process: anything else would not end here.
    const [, signal] = await ended
    return signal === 'SIGKILL'
  }
  const wasAlive = child.kill('SIGKILL')
  await ended
  return !wasAlive
}
