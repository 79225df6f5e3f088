import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { ExitCode, parseChannelAddress } from '../../protocol/index.ts'
import { createPublisher, type Publisher, type PublishSummary } from '../../publisher/index.ts'
import { createLogger } from '../../serving/index.ts'
import { createTransmitter } from '../../transmitter/index.ts'
import { openTuner, type Subscription, type TunerOperations } from '../../tuner/index.ts'
import { countText, durationText, numberText } from '../output/index.ts'
import { costLines } from '../publish-lines.ts'
import type { Session } from '../session.ts'
import { updateLines } from '../tuner-session.ts'
import { crashInUpdate } from './crash-in-update.ts'
import { makeFirstRelease, makeSecondRelease, makeThirdRelease } from './demo-content.ts'
import { untilBundle } from './until-bundle.ts'

/** What the steps share. */
interface Demo {
  readonly session: Session
  /** A server's and publisher's home, as on one machine. */
  readonly home: string
  /** A tuner's home, as on another. */
  readonly tunerHome: string
  readonly base: string
  readonly url: string
  readonly publisher: Publisher
}

/** Runs the main job in a temporary folder and says at every step what it does and what it cost. */
export async function runDemo(
  session: Session,
  options: { readonly keep: boolean },
): Promise<number> {
  const { output } = session
  const startedMs = performance.now()
  const root = await mkdtemp(path.join(os.tmpdir(), 'longwave-demo-'))
  if (!options.keep) {
    session.onEnd(() => rm(root, { recursive: true, force: true, maxRetries: 3 }))
  }
  output.print(
    `Longwave in one go, in the temporary folder ${root}${options.keep ? '.' : ', which goes away afterwards.'}`,
  )
  const demo = await startTransmitter(session, root)
  await publishFirst(demo)
  await publishAndUpdate(demo)
  await crashAndRecover(demo)
  await undo(demo)
  const durationMs = performance.now() - startedMs
  output.print('')
  output.print(`All of it took ${durationText(durationMs)}. The same by hand:`)
  output.print('')
  for (const line of byHand) output.print(`  ${line}`)
  if (options.keep) {
    output.print('')
    output.print('The folders stay, each a home of its own:')
    output.print('')
    output.print(`  npx longwave list --home ${demo.tunerHome}`)
    output.print(`  npx longwave transmitter start --home ${demo.home}`)
  }
  output.emit({ type: 'demo', ok: true, durationMs, ...(options.keep ? { folder: root } : {}) })
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

async function startTransmitter(session: Session, root: string): Promise<Demo> {
  const home = path.join(root, 'publisher')
  step(session, '1  Start a transmitter')
  const transmitter = createTransmitter({
    directory: path.join(home, 'transmitter'),
    listen: { host: '127.0.0.1', port: 0 },
    logger: createLogger({ name: 'demo', level: 'silent' }),
  })
  session.onEnd(() => transmitter.stop())
  const url = await transmitter.start()
  session.output.print(`   It serves at ${url}`)
  return {
    session,
    home,
    tunerHome: path.join(root, 'tuner'),
    base: path.join(root, 'software'),
    url,
    publisher: createPublisher({ home, transport: session.transport() }),
  }
}

async function publishFirst(demo: Demo): Promise<void> {
  const { session, base } = demo
  await makeFirstRelease(base)
  step(session, '2  Publish a directory: real files of installed packages')
  const first = await publish(demo)
  session.output.print(`     Signed     with keys made just now; fingerprint ${first.fingerprint}`)
  step(session, '3  Subscribe to it')
  await withTuner(demo, async (tuner) => {
    const address = parseChannelAddress(first.link)
    const result = await tuner.subscribe({ address, signal: session.signal })
    for (const line of updateLines(result)) session.output.print(`   ${line}`)
  })
}

async function publishAndUpdate(demo: Demo): Promise<void> {
  const { session, base } = demo
  const edits = makeSecondRelease(base)
  step(
    session,
    `4  Publish release 2: ${edits.edited} files edited, ${edits.renamed} in a renamed folder, ${edits.added} added, ${edits.removed} removed`,
  )
  await publish(demo)
  step(session, '5  Update: only what changed is received')
  const startedMs = performance.now()
  const isMade = await untilBundle(session, { channel: `${demo.url}/software`, from: 1, to: 2 })
  const waited = durationText(performance.now() - startedMs)
  session.output.print(
    isMade
      ? `   (The bundle is ready ${waited} after the publish.)`
      : `   (The bundle is not ready after ${waited} on this busy machine: the update goes without.)`,
  )
  await withTuner(demo, (tuner) => update(demo, tuner, 2))
}

async function crashAndRecover(demo: Demo): Promise<void> {
  const { session, base, tunerHome } = demo
  step(session, `6  Publish release 3: ${makeThirdRelease(base)} more files edited`)
  await publish(demo)
  step(session, '7  Update, and kill the process (SIGKILL) while it writes the new release')
  const built = await crashInUpdate(tunerHome, 3)
  session.output.print(
    `   Killed with ${numberText(built)} files of release 3 built aside; what was current still is:`,
  )
  await withTuner(demo, async (tuner) => {
    await expectSound(demo, tuner, { subscription: await subscribed(tuner), release: 2 })
    step(session, '8  Update again: it recovers, and fetches nothing twice')
    await update(demo, tuner, 3)
  })
}

async function update(demo: Demo, tuner: TunerOperations, release: number): Promise<void> {
  const { session } = demo
  const [outcome] = await tuner.update([await subscribed(tuner)], { signal: session.signal })
  if (outcome?.ok !== true) throw outcome?.error
  for (const line of updateLines(outcome.result)) session.output.print(`   ${line}`)
  await expectSound(demo, tuner, { subscription: await subscribed(tuner), release })
}

async function undo(demo: Demo): Promise<void> {
  const { session } = demo
  step(session, '9  Undo')
  await withTuner(demo, async (tuner) => {
    const subscription = await subscribed(tuner)
    const startedMs = performance.now()
    const { from, to } = await tuner.undo(subscription, { signal: session.signal })
    session.output.print(
      `   Back from release ${from} to ${to} in ${durationText(performance.now() - startedMs)}`,
    )
    await expectSound(demo, tuner, { subscription, release: 2 })
  })
}

function step(session: Session, line: string): void {
  session.signal.throwIfAborted()
  session.output.print('')
  session.output.print(line)
}

async function publish({ session, publisher, base, url }: Demo): Promise<PublishSummary> {
  const summary = await publisher.publish({
    directory: base,
    channel: `${url}/software`,
    signal: session.signal,
  })
  for (const line of costLines(summary)) session.output.print(`   ${line}`)
  return summary
}

/** Each act has the home to itself, as a command would. */
async function withTuner(
  { session, tunerHome }: Demo,
  work: (tuner: TunerOperations) => Promise<void>,
): Promise<void> {
  const tuner = await openTuner({ home: tunerHome, transport: () => session.transport() })
  try {
    await work(tuner)
  } finally {
    await tuner.stop()
  }
}

/** The only subscription, as the disk has it now. */
async function subscribed(tuner: TunerOperations): Promise<Subscription> {
  const [subscription] = await tuner.select()
  if (subscription === undefined) throw new Error('the subscription is gone')
  return subscription
}

async function expectSound(
  { session }: Demo,
  tuner: TunerOperations,
  expected: { readonly subscription: Subscription; readonly release: number },
): Promise<void> {
  const { subscription, release } = expected
  const startedMs = performance.now()
  const result = await tuner.verify(subscription, { signal: session.signal })
  if (result.release !== release || result.damages.length > 0) {
    throw new Error(`expected a sound release ${release}, found ${JSON.stringify(result)}`)
  }
  session.output.print(
    `   Verified: release ${release}, all ${countText(result.files, 'file')} exactly as published, ${durationText(performance.now() - startedMs)}`,
  )
}
