// Power cuts on a real ext4, mounted from a file in a mount namespace of its own:
//   node dist/test/faults/power-cut.js [--act update] [--stride N] [--workloads N]
//     [--seconds N] [--options data=writeback,noauto_da_alloc]
// Needs root, unshare, mkfs.ext4 and perl; says so loudly where it cannot run, and LONGWAVE_CI=1
// makes that a failure. Prints points and mixed states; the second must be 0.
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { nodeFileSystem } from '../../store/durable-files/index.ts'
import { shutDown } from './ending-file-system.ts'
import { type TunerAct, TunerBench, tunerActs } from './tuner-bench.ts'
import { type Workload, workloadsOf } from './update-workloads.ts'

const { values } = parseArgs({
  options: {
    act: { type: 'string' },
    stride: { type: 'string', default: '7' },
    // Only so many workloads of each act.
    workloads: { type: 'string', default: '9' },
    // Ends early, and prints what was found until then.
    seconds: { type: 'string', default: '3600' },
    options: { type: 'string', default: 'defaults' },
    // Set for the process inside the namespace.
    inside: { type: 'string' },
  },
})

/** Starts this script again in a mount namespace, so that nothing of it is seen outside. */
function startInside(): void {
  const root = mkdtempSync(path.join(os.tmpdir(), 'lw-power-'))
  try {
    const script = fileURLToPath(import.meta.url)
    const given = [...process.argv.slice(2), '--inside', root]
    const why = whyNot(root)
    if (why !== undefined) {
      process.stderr.write(`SKIPPED: no power was cut: ${why}\n`)
      process.exitCode = process.env['LONGWAVE_CI'] === '1' ? 1 : 0
      return
    }
    const ended = spawnSync('unshare', ['-m', process.execPath, script, ...given], {
      stdio: 'inherit',
    })
    process.exitCode = ended.status ?? 1
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

function whyNot(root: string): string | undefined {
  const image = path.join(root, 'probe.img')
  const mount = path.join(root, 'probe')
  mkdirSync(mount)
  try {
    execFileSync('perl', ['-e', '1'], { stdio: 'ignore' })
    makeImage(image)
    const probe = `mount -o loop '${image}' '${mount}' && umount '${mount}'`
    execFileSync('unshare', ['-m', 'sh', '-c', probe], { stdio: 'ignore' })
    return undefined
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  }
}

function makeImage(image: string): void {
  execFileSync('truncate', ['-s', '48M', image])
  execFileSync('mkfs.ext4', ['-q', '-F', '-J', 'size=4', image], { stdio: 'ignore' })
}

const endMs = performance.now() + Number(values.seconds) * 1000
const isOver = (): boolean => performance.now() > endMs

class Disk {
  readonly mount: string
  readonly #image: string
  readonly #options: string

  constructor(root: string, options: string) {
    this.mount = path.join(root, 'disk')
    this.#image = path.join(root, 'disk.img')
    this.#options = options
    mkdirSync(this.mount, { recursive: true })
  }

  get image(): string {
    return this.#image
  }

  attach(): void {
    execFileSync('mount', ['-o', `loop,${this.#options}`, this.#image, this.mount])
  }

  detach(): void {
    execFileSync('umount', [this.mount])
  }
}

async function sweepAll(root: string): Promise<void> {
  const disk = new Disk(root, values.options)
  let points = 0
  let wrong = 0
  for (const act of tunerActs) {
    if (values.act !== undefined && values.act !== act) continue
    for (const workload of workloadsOf(act).slice(0, Number(values.workloads))) {
      const counts = await sweep(disk, act, workload)
      points += counts.points
      wrong += counts.wrong
    }
  }
  process.stdout.write(`${points} points, ${wrong} mixed, left or stuck\n`)
  process.exitCode = wrong === 0 ? 0 : 1
}

/** A disk image with the state before the act, what comes of it undisturbed, and the channel. */
async function prepare(disk: Disk, bench: TunerBench) {
  const place = { fs: nodeFileSystem, root: path.join(disk.mount, 'lw') }
  const channel = `${disk.image}.channel`
  const template = `${disk.image}.template`
  writeFileSync(channel, bench.freeze())
  makeImage(disk.image)
  disk.attach()
  mkdirSync(place.root)
  await bench.prepare(place)
  disk.detach()
  copyFileSync(disk.image, template)
  disk.attach()
  await bench.act(place)
  const after = await bench.tree(place)
  disk.detach()
  return { place, channel, template, after }
}

async function sweep(
  disk: Disk,
  act: TunerAct,
  workload: Workload,
): Promise<{ readonly points: number; readonly wrong: number }> {
  const bench = await TunerBench.open({ act, workload })
  const { place, channel, template, after } = await prepare(disk, bench)
  const counts: Record<string, number> = { old: 0, new: 0, mixed: 0 }
  const worker = fileURLToPath(new URL('./tuner-act-worker.js', import.meta.url))
  for (let at = 1, isDone = false; !isDone && !isOver(); at += Number(values.stride)) {
    copyFileSync(template, disk.image)
    disk.attach()
    const given = [act, channel, place.root, String(at), 'power-cut', disk.mount]
    const ended = spawnSync(process.execPath, [worker, ...given], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    isDone = ended.signal !== 'SIGKILL'
    // Power goes after the end, too: what was said to be done must be there.
    if (isDone) shutDown(disk.mount)
    disk.detach()
    disk.attach()
    await bench.recover(place)
    const found = await bench.check(place, after)
    const state = isDone && found === 'old' && !act.endsWith('heal') ? 'mixed' : found
    disk.detach()
    counts[state] = (counts[state] ?? 0) + 1
    if (state === 'mixed') process.stdout.write(`    mixed: power cut before operation ${at}\n`)
  }
  const { old = 0, new: next = 0, mixed = 0 } = counts
  const points = old + next + mixed
  const { litter, stuck } = bench.faults
  for (const fault of new Set([...litter, ...stuck])) process.stdout.write(`    ${fault}\n`)
  const rest = `${litter.length} left, ${stuck.length} stuck`
  const text = `${points} points: ${old} old, ${next} new, ${mixed} mixed, ${rest}`
  process.stdout.write(`${act.padEnd(18)} ${workload.name.padEnd(48)} ${text}\n`)
  return { points, wrong: mixed + litter.length + stuck.length }
}

if (values.inside === undefined) startInside()
else await sweepAll(values.inside)
