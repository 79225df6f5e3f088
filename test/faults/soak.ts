// Updates over and over:
//   node dist/test/faults/soak.js [--cycles 10000 | --seconds 1200] [--faults] [--seed N]
// Prints how descriptors, timers and memory came out, and what was wrong. With --faults the server
// cuts, falsifies and refuses answers, and the tuner is started again, by a seed.
import { readdirSync, readlinkSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { isLongwaveError, parseChannelAddress } from '../../protocol/index.ts'
import { createTransport } from '../../transport/index.ts'
import type { Tuner } from '../../tuner/index.ts'
import type { ChaosAnswer } from '../support/chaos-server.ts'
import { startHostileTransmitter } from '../support/hostile-transmitter.ts'
import { openTunerStage } from '../support/tuner-stage.ts'

export interface SoakOptions {
  /** Whichever comes first ends it. */
  readonly cycles: number
  readonly seconds: number
  readonly hasFaults: boolean
  readonly seed: number
}

export interface SoakResult {
  readonly cycles: number
  readonly updates: number
  readonly refused: number
  /** What must not happen: a mixed copy, an error that is none of ours. */
  readonly broken: readonly string[]
  readonly descriptors: { readonly before: number; readonly after: number }
  readonly timers: { readonly before: number; readonly after: number }
  /** Of the resident memory in the second half, MB a minute. */
  readonly slopeMbPerMinute: number
}

/** How many cycles there are between two releases, and between two starts of the tuner. */
const publishEvery = 10
const restartEvery = 50
const warmUpCycles = 30
const quietCycles = 40

interface Open {
  readonly descriptors: number
  readonly timers: number
}

interface Sample extends Open {
  readonly atMs: number
  /** Of memory. */
  readonly bytes: number
}

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const work: (() => unknown)[] = []
  const stage = await openTunerStage({ teardown: (done) => void work.push(done) })
  const random = seeded(options.seed)
  const hostile = await startHostileTransmitter(stage.channel, { hasBundles: false })
  const retry = { attemptsMax: 1 }
  const transport = createTransport({
    userAgent: 'longwave-test',
    retry,
    timeouts: { stallMs: 500 },
  })
  work.push(
    () => hostile.stop(),
    () => transport.stop(),
  )
  const counts = { updates: 0, refused: 0 }
  const broken: string[] = []
  const samples: Sample[] = []
  let number = 1
  let tuner: Tuner
  try {
    const address = await stage.publish(filesOf(number))
    tuner = await stage.tuner({ transport })
    await tuner.subscribe({
      address: parseChannelAddress(`${hostile.channel}#${address.channelId}`),
    })
    const endMs = performance.now() + options.seconds * 1000
    let cycle = 0
    for (; cycle < options.cycles && performance.now() < endMs; cycle++) {
      if (cycle % publishEvery === 0) await stage.publish(filesOf(++number))
      if (options.hasFaults && cycle % restartEvery === restartEvery - 1) {
        await tuner.stop()
        tuner = await stage.tuner({ transport })
      }
      if (options.hasFaults) hostile.distort(['poll', 'metadata', 'object'], faultOf(random))
      const [outcome] = await tuner.update(await tuner.select('site'))
      if (outcome?.ok === true) counts.updates++
      else counts.refused++
      if (outcome?.ok === false && (!options.hasFaults || !isLongwaveError(outcome.error))) {
        broken.push(`cycle ${cycle}: ${String(outcome.error)}`)
      }
      const seen = [await stage.read('a.txt'), await stage.read('sub/b.txt')]
      if (seen[0] !== seen[1]) broken.push(`cycle ${cycle}: ${seen.join(' and ')}`)
      const bytes = process.memoryUsage.rss()
      samples.push({ atMs: performance.now(), bytes, ...resources(stage.home) })
    }
    hostile.behave()
    const [last] = await tuner.update(await tuner.select('site'))
    if (last?.ok !== true) broken.push(`the last update: ${String(last?.error)}`)
    if ((await stage.read('a.txt')) !== `release ${number}`) broken.push('the end is not the head')
    // The least of some cycles: now and then the server is making something.
    const before = leastOf(samples.slice(warmUpCycles, warmUpCycles + quietCycles))
    const after = leastOf(samples.slice(-quietCycles))
    return {
      cycles: cycle,
      ...counts,
      broken,
      descriptors: { before: before.descriptors, after: after.descriptors },
      timers: { before: before.timers, after: after.timers },
      slopeMbPerMinute: slopeOf(samples.slice(Math.floor(samples.length / 2))),
    }
  } finally {
    for (const done of work.reverse()) await done()
  }
}

function filesOf(number: number): Readonly<Record<string, string>> {
  return { 'a.txt': `release ${number}`, 'sub/b.txt': `release ${number}`, 'c.txt': 'same' }
}

/** Lets three of four answers pass. */
function faultOf(random: () => number) {
  return (honest: ChaosAnswer): ChaosAnswer | undefined => {
    const kind = Math.floor(random() * 12)
    const body = Buffer.from(honest.body ?? '')
    if (kind === 0) return { ...honest, cutBodyAt: Math.floor(random() * body.byteLength) }
    if (kind === 1) return { kind: 'answer', status: 500, body: '' }
    if (kind !== 2 || body.byteLength === 0) return undefined
    const at = Math.floor(random() * body.byteLength)
    body[at] = (body[at] ?? 0) ^ 1
    return { ...honest, body }
  }
}

/** A small generator that repeats itself for a seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Files of the tuner's that are open, and timers that would keep the process alive. What the servers
 * and their workers open in the same process is bounded by limits and times of their own.
 */
function resources(home: string): Open {
  const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout')
  const open = readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(home)
    } catch {
      // It was the descriptor of the reading itself.
      return false
    }
  })
  return { descriptors: open.length, timers: timers.length }
}

function leastOf(samples: readonly Open[]): Open {
  return {
    descriptors: Math.min(...samples.map(({ descriptors }) => descriptors)),
    timers: Math.min(...samples.map(({ timers }) => timers)),
  }
}

/** The least-squares slope. */
function slopeOf(samples: readonly Sample[]): number {
  const count = samples.length
  if (count < 2) return 0
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / count
  const [meanMs, meanBytes] = [mean(({ atMs }) => atMs), mean(({ bytes }) => bytes)]
  let above = 0
  let below = 0
  for (const { atMs, bytes } of samples) {
    above += (atMs - meanMs) * (bytes - meanBytes)
    below += (atMs - meanMs) ** 2
  }
  return (above / below) * (60_000 / 1024 ** 2)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: {
      cycles: { type: 'string', default: '10000' },
      seconds: { type: 'string', default: '1200' },
      faults: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
    },
  })
  const result = await soak({
    cycles: Number(values.cycles),
    seconds: Number(values.seconds),
    hasFaults: values.faults,
    seed: Number(values.seed),
  })
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
  process.exitCode = result.broken.length === 0 ? 0 : 1
}
