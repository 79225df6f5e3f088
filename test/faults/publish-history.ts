// Histories of publishing and reading against a sequential model:
//   node dist/test/faults/publish-history.js [--histories 1000]
// Prints how many histories and operations there were, and those that no order explains.
import { randomUUID } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { RawPublisher, startTransmitter } from '../support/transmitter-stage.ts'

/** What somebody did: from before it was asked until after it was answered. */
export interface Recorded {
  readonly kind: 'publish' | 'read'
  readonly release: number
  readonly beganAt: number
  readonly endedAt: number
}

/**
 * Why no order of the operations, each at one moment between its begin and its end, explains them as
 * a number that only publishing raises, by one; empty when one does.
 */
export function contradictions(history: readonly Recorded[]): readonly string[] {
  const found: string[] = []
  const published = history.filter(({ kind }) => kind === 'publish')
  const numbers = published.map(({ release }) => release).sort((a, b) => a - b)
  if (numbers.some((release, at) => release !== at + 1)) found.push(`releases ${numbers}`)
  for (const earlier of history) {
    for (const later of history) {
      if (earlier.endedAt >= later.beganAt) continue
      const isBehind =
        later.kind === 'publish'
          ? later.release <= earlier.release
          : later.release < earlier.release
      if (isBehind) found.push(`${textOf(earlier)} before ${textOf(later)}`)
    }
  }
  for (const read of history.filter(({ kind }) => kind === 'read')) {
    const source = published.find(({ release }) => release === read.release)
    const isForeseen = read.release > 0 && (source === undefined || source.beganAt >= read.endedAt)
    if (isForeseen) found.push(`${textOf(read)} before it was published`)
  }
  return found
}

function textOf({ kind, release }: Recorded): string {
  return `${kind} ${release}`
}

const publishers = 3
const publishesEach = 3
const readers = 2

/** Records histories: publishers race for one channel while readers look at it. */
export async function recordHistories(
  t: { teardown(done: () => unknown): void },
  count: number,
): Promise<readonly (readonly Recorded[])[]> {
  const stage = await startTransmitter(t)
  const histories: (readonly Recorded[])[] = []
  for (let at = 0; at < count; at++) histories.push(await recordHistory(stage, `c${at}`))
  return histories
}

async function recordHistory(
  stage: { readonly url: string; readonly token: string },
  name: string,
): Promise<readonly Recorded[]> {
  const history: Recorded[] = []
  const record = async (kind: Recorded['kind'], act: () => Promise<number | undefined>) => {
    const beganAt = performance.now()
    const release = await act()
    if (release === undefined) return false
    history.push({ kind, release, beganAt, endedAt: performance.now() })
    return true
  }
  const first = new RawPublisher(stage, name)
  await record('publish', async () => (await first.publish({ r: '1' })).release)
  let busy = publishers
  const publish = async () => {
    const publisher = new RawPublisher(stage, name, first)
    for (let done = 0; done < publishesEach; ) {
      await publisher.catchUp()
      if (await record('publish', () => tryPublish(publisher))) done++
    }
    busy--
  }
  const read = async () => {
    while (busy > 0) {
      await record('read', () => first.headRelease())
      await record('read', async () => {
        const answer = await fetch(`${stage.url}/${name}/files/r`)
        return Number(await answer.text())
      })
    }
  }
  await Promise.all([
    ...Array.from({ length: publishers }, publish),
    ...Array.from({ length: readers }, read),
  ])
  return history
}

/** Undefined when somebody else was first. */
async function tryPublish(publisher: RawPublisher): Promise<number | undefined> {
  // Two publishers that say the very same are one: each says something of its own.
  const own = randomUUID()
  const draft = publisher.draft({ r: String(publisher.release + 1), own })
  const begun = await publisher.begin(draft)
  if (begun.status !== 200) throw new Error(`begin: ${JSON.stringify(begun.body)}`)
  if (begun.body.missing.length > 0) await publisher.sendMissing(draft, begun.body)
  const result = await publisher.commit(begun.body.upload, publisher.commitRequest(draft))
  if (result.status === 409) return undefined
  if (result.status !== 200) throw new Error(`commit: ${JSON.stringify(result.body)}`)
  publisher.settle(draft)
  return result.body.release
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({ options: { histories: { type: 'string', default: '1000' } } })
  const work: (() => unknown)[] = []
  try {
    const histories = await recordHistories(
      { teardown: (done) => void work.push(done) },
      Number(values.histories),
    )
    const wrong = histories.flatMap(contradictions)
    const operations = histories.reduce((sum, history) => sum + history.length, 0)
    process.stdout.write(`${histories.length} histories, ${operations} operations\n`)
    for (const text of wrong) process.stdout.write(`    ${text}\n`)
    process.exitCode = wrong.length === 0 ? 0 : 1
  } finally {
    for (const done of work.reverse()) await done()
  }
}
