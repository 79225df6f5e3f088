import { spawn } from 'node:child_process'
import { existsSync, watch } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ExitCode } from '../../protocol/index.ts'
import { createPublisher, type PublishSummary } from '../../publisher/index.ts'
import { createLogger } from '../../serving/index.ts'
import { createTransmitter } from '../../transmitter/index.ts'
import { countText, durationText, shareText, sizeText } from '../output/index.ts'
import type { Session } from '../session.ts'
import { makeFirstRelease, makeSecondRelease } from './demo-content.ts'

const main = fileURLToPath(new URL('../main.js', import.meta.url))

/** Runs the main job in a temporary folder and says at every step what it does and what it cost. */
export async function runDemo(session: Session): Promise<number> {
  const { output } = session
  const startedMs = performance.now()
  const root = await mkdtemp(path.join(os.tmpdir(), 'longwave-demo-'))
  session.onEnd(() => rm(root, { recursive: true, force: true, maxRetries: 3 }))
  const say = (line: string): void => output.print(line)
  const home = path.join(root, 'publisher')
  const tuner = path.join(root, 'tuner')
  const base = path.join(root, 'software')

  say('Longwave in one go: everything happens in a temporary folder that goes away afterwards.\n')
  const transmitter = createTransmitter({
    directory: path.join(home, 'transmitter'),
    listen: { host: '127.0.0.1', port: 0 },
    logger: createLogger({ name: 'demo', level: 'silent' }),
  })
  const url = await transmitter.start()
  session.onEnd(() => transmitter.stop())
  say(`1  A transmitter serves at ${url}`)

  const files = await makeFirstRelease(base)
  say(`2  The base directory has ${countText(files, 'real file')} of installed packages`)
  const publisher = createPublisher({ home, transport: session.transport() })
  const publish = (): Promise<PublishSummary> =>
    publisher.publish({ directory: base, channel: `${url}/software`, signal: session.signal })
  const first = await publish()
  say(`   Published as release 1: ${publishText(first)}`)
  say(`   Signed with keys made just now; the channel's fingerprint is ${first.fingerprint}`)

  const run = (...args: readonly string[]): Promise<Ran> => runCommand(tuner, args)
  const link = first.link ?? ''
  const subscribed = await run('subscribe', link)
  say(`3  A tuner subscribed: ${fetchText(subscribed)}`)

  const edits = makeSecondRelease(base)
  const second = await publish()
  say(
    `4  Release 2: ${edits.edited} files edited, ${edits.renamed} renamed, ${edits.added} added, ${edits.removed} removed`,
  )
  say(`   Published: ${publishText(second)}`)

  await crashInUpdate(tuner)
  const between = await run('list')
  say('5  An update was killed (SIGKILL) while it wrote its files')
  say(`   The tuner still shows release ${between.object['release']}, whole and unmixed`)
  await expectSound(run, 1)

  const updated = await run('update', 'software')
  say(`6  The next update recovers and goes on: ${fetchText(updated)}`)
  await expectSound(run, 2)
  say('   Every file verified against what was published')

  const undone = await run('undo', 'software')
  await expectSound(run, 1)
  say(`7  Undo: back at release ${undone.object['to']}, verified as well`)

  say(`\nAll of it took ${durationText(performance.now() - startedMs)}. The same by hand:\n`)
  for (const line of byHand) say(`  ${line}`)
  output.emit({ type: 'demo', ok: true, durationMs: performance.now() - startedMs })
  return ExitCode.ok
}

const byHand = [
  'npx longwave transmitter start                     # prints its URL: http://127.0.0.1:5282',
  'npx longwave publish DIR http://127.0.0.1:5282/software',
  "npx longwave subscribe 'LINK THAT PUBLISH PRINTED'",
  'npx longwave publish DIR http://127.0.0.1:5282/software   # after changing something',
  'npx longwave update software',
  'npx longwave verify software && npx longwave undo software',
]

interface Ran {
  readonly code: number
  /** The last JSON object on standard output. */
  readonly object: Readonly<Record<string, unknown>>
}

/** Runs one of our own commands as a person would, in a process of its own. */
function runCommand(home: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args, '--json', '--home', home], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.once('error', reject)
    child.once('close', (code) => {
      if (code !== 0) {
        reject(new Error(`longwave ${args.join(' ')} ended with ${code}: ${stderr}`))
        return
      }
      const last = stdout.trim().split('\n').at(-1) ?? '{}'
      resolve({ code, object: JSON.parse(last) as Record<string, unknown> })
    })
  })
}

/** Starts an update and kills it the moment that it has begun to build the new release. */
async function crashInUpdate(home: string): Promise<void> {
  const staging = path.join(home, 'tuner', 'channels', 'software', 'staging')
  await mkdir(staging, { recursive: true })
  const child = spawn(process.execPath, [main, 'update', 'software', '--quiet', '--home', home], {
    stdio: 'ignore',
  })
  const ended = new Promise<NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (_code, signal) => resolve(signal))
  })
  const tree = path.join(staging, 'building-2', 'tree')
  const watcher = watch(staging, { recursive: true }, () => {
    if (existsSync(tree)) child.kill('SIGKILL')
  })
  const signal = await ended
  watcher.close()
  if (signal !== 'SIGKILL') throw new Error('the update was over before it could be killed')
}

async function expectSound(
  run: (...args: readonly string[]) => Promise<Ran>,
  release: number,
): Promise<void> {
  const { object } = await run('verify', 'software')
  if (object['type'] !== 'sound' || object['release'] !== release) {
    throw new Error(`expected a sound release ${release}, found ${JSON.stringify(object)}`)
  }
}

function publishText(summary: PublishSummary): string {
  return `${countText(summary.files, 'file')}, ${sizeText(summary.bytes)}; ${sizeText(summary.sentBytes)} sent, ${shareText(summary.reusedBytes, summary.bytes)} reused, ${durationText(summary.durationMs)}`
}

function fetchText(ran: Ran): string {
  const bytes = (ran.object['bytes'] ?? {}) as Readonly<Record<string, number>>
  const total = Object.values(bytes).reduce((sum, value) => sum + value, 0)
  const considered = (ran.object['considered'] ?? []) as readonly {
    readonly route: string
    readonly bytes: number
  }[]
  const whole = considered.find((route) => route.route === 'whole')?.bytes ?? 0
  const changes = ran.object['changes'] as Readonly<Record<string, number>> | undefined
  const touched = (changes?.['added'] ?? 0) + (changes?.['changed'] ?? 0)
  return `${countText(touched, 'file')} in ${sizeText(total)} (${shareText(total, whole)} of the whole files, by ${ran.object['route']}), ${durationText(Number(ran.object['durationMs']))}`
}
