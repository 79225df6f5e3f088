// What publishing, fetching and updating cost beside copying and hashing the same files:
//   node dist/bench/updates/main.js [--files N] [--megabytes N] [--subscriptions N]
// 0 leaves a part out. Everything runs as processes of the built command line on this machine.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { parseChannelAddress } from '../../protocol/index.ts'
import { createTransport } from '../../transport/index.ts'
import { Tuner } from '../../tuner/index.ts'
import { type Cost, cpuSecondsIn, longwave, measure, startTransmitter } from './child.ts'

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '10000' },
    megabytes: { type: 'string', default: '1024' },
    subscriptions: { type: 'string', default: '1000' },
  },
})

const mebibyte = 1024 * 1024

function row(what: string, cost: Cost, floor?: Cost): void {
  const ratio = floor === undefined ? '' : `${(cost.seconds / floor.seconds).toFixed(2)}x`
  const cpu = floor === undefined ? '' : `${(cost.cpuSeconds / floor.cpuSeconds).toFixed(2)}x`
  const text = [
    what.padEnd(40),
    `${cost.seconds.toFixed(2)} s`.padStart(10),
    ratio.padStart(9),
    `${cost.cpuSeconds.toFixed(2)} s`.padStart(10),
    cpu.padStart(9),
    `${(cost.peakBytes / mebibyte).toFixed(0)} MiB`.padStart(9),
  ]
  process.stdout.write(`${text.join('')}\n`)
}

function heading(title: string): void {
  const names = ['time'.padStart(10), 'ratio'.padStart(9), 'CPU'.padStart(10)]
  process.stdout.write(
    `\n${title.padEnd(40)}${names.join('')}${'ratio'.padStart(9)}${'peak'.padStart(9)}\n`,
  )
}

/** Copying the tree and hashing every file of it: what nobody can do without. */
async function floorOf(tree: string, scratch: string): Promise<Cost> {
  // The shell itself tells at its end what its children took.
  const script = `cp -r "$1" "$2" && find "$2" -type f -print0 | xargs -0 sha256sum > /dev/null && sync -f "$2" && cat /proc/$$/stat`
  const cost = await measure('sh', ['-c', script, 'sh', tree, scratch])
  await rm(scratch, { recursive: true, force: true })
  return { ...cost, cpuSeconds: cpuSecondsIn(cost.output) }
}

/** Text of about the given length that differs from file to file. */
function textOf(seed: number, length: number): string {
  let state = seed + 1
  let text = ''
  while (text.length < length) {
    state = (state * 48271) % 2147483647
    text += `${state.toString(36)} is line ${text.length} of file ${seed}\n`
  }
  return text
}

async function makeSmallFiles(tree: string, count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    const folder = path.join(tree, `part-${Math.floor(at / 100)}`)
    if (at % 100 === 0) await mkdir(folder, { recursive: true })
    await writeFile(path.join(folder, `file-${at}.txt`), textOf(at, 1000 + ((at * 37) % 4000)))
  }
}

async function benchTree(
  root: string,
  options: {
    readonly title: string
    readonly make: (tree: string) => Promise<unknown>
    readonly change: (tree: string) => Promise<unknown>
  },
): Promise<void> {
  const tree = path.join(root, 'tree')
  const home = path.join(root, 'home')
  await mkdir(tree, { recursive: true })
  await options.make(tree)
  const floor = await floorOf(tree, path.join(root, 'copy'))
  const transmitter = await startTransmitter(home)
  try {
    heading(options.title)
    row('floor: cp -r and sha256sum', floor)
    const channel = `${transmitter.url}/bench`
    row('publish', await longwave(home, 'publish', tree, channel), floor)
    row('publish, nothing changed', await longwave(home, 'publish', tree, channel), floor)
    row(
      'subscribe, first fetch',
      await longwave(path.join(root, 'tuner'), 'subscribe', channel),
      floor,
    )
    row('update, nothing changed', await longwave(path.join(root, 'tuner'), 'update'), floor)
    await options.change(tree)
    row('publish of the change', await longwave(home, 'publish', tree, channel), floor)
    row('update', await longwave(path.join(root, 'tuner'), 'update', 'bench'), floor)
    row('verify', await longwave(path.join(root, 'tuner'), 'verify', 'bench'), floor)
    const peak = (transmitter.peakBytes() / mebibyte).toFixed(0)
    process.stdout.write(`transmitter: peak ${peak} MiB\n`)
  } finally {
    await transmitter.stop()
    await rm(root, { recursive: true, force: true })
  }
}

/** A tuner with many subscriptions asks for news, and there are none. */
async function benchSubscriptions(root: string, count: number): Promise<void> {
  const home = path.join(root, 'home')
  const tuners = path.join(root, 'tuner')
  const tree = path.join(root, 'tree')
  await mkdir(tree, { recursive: true })
  await writeFile(path.join(tree, 'index.html'), 'one')
  const transmitter = await startTransmitter(home)
  const transport = createTransport({ userAgent: 'longwave-bench' })
  try {
    const channel = `${transmitter.url}/bench`
    await longwave(home, 'publish', tree, channel)
    const tuner = new Tuner({ home: tuners, transport })
    await tuner.start()
    for (let at = 0; at < count; at++) {
      await tuner.subscribe({ address: parseChannelAddress(channel), as: `bench-${at}` })
    }
    await tuner.stop()
    heading(`${count} subscriptions, nothing new`)
    const floor = await bareRequests(`${channel}/trust/timestamp.json`, count)
    row('floor: bare conditional requests', floor)
    row('longwave list', await longwave(tuners, 'list', '--json'), floor)
    row('longwave update', await longwave(tuners, 'update', '--json'), floor)
    row('longwave update, again', await longwave(tuners, 'update', '--json'), floor)
  } finally {
    await transport.stop()
    await transmitter.stop()
    await rm(root, { recursive: true, force: true })
  }
}

/** The same number of 304 answers through node:http, eight at a time. */
function bareRequests(url: string, count: number): Promise<Cost> {
  const script = `
    const http = require('node:http')
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 })
    const get = (headers) => new Promise((resolve, reject) => http.get(process.argv[1], { agent, headers },
      (answer) => { answer.resume(); answer.on('end', () => resolve(answer)) }).on('error', reject))
    get({}).then(async ({ headers }) => {
      const all = Array.from({ length: Number(process.argv[2]) }, () => get({ 'if-none-match': headers.etag }))
      for (const { statusCode } of await Promise.all(all)) if (statusCode !== 304) throw new Error(statusCode)
      agent.destroy()
    })`
  return measure(process.execPath, ['-e', script, url, String(count)])
}

const root = await mkdtemp(path.join(os.tmpdir(), 'lw-bench-updates-'))
try {
  const files = Number(values.files)
  if (files > 0) {
    await benchTree(path.join(root, 'small'), {
      title: `${files} small files`,
      make: (tree) => makeSmallFiles(tree, files),
      change: async (tree) => {
        for (let at = 0; at < files; at += 100) {
          const file = path.join(tree, `part-${Math.floor(at / 100)}`, `file-${at}.txt`)
          await writeFile(file, `${textOf(at, 2000)}changed`)
        }
      },
    })
  }
  const megabytes = Number(values.megabytes)
  if (megabytes > 0) {
    const fill = (tree: string, how: string) =>
      measure('sh', ['-c', how, 'sh', path.join(tree, 'big.bin')])
    await benchTree(path.join(root, 'large'), {
      title: `one file of ${megabytes} MiB`,
      make: (tree) => fill(tree, `head -c ${megabytes * mebibyte} /dev/urandom > "$1"`),
      change: (tree) =>
        fill(tree, 'printf changed | dd of="$1" bs=1 seek=1000000 conv=notrunc 2>&1'),
    })
  }
  const subscriptions = Number(values.subscriptions)
  if (subscriptions > 0) await benchSubscriptions(path.join(root, 'many'), subscriptions)
} finally {
  await rm(root, { recursive: true, force: true })
}
