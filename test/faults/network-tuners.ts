import { readdir, readFile, realpath } from 'node:fs/promises'
import path from 'node:path'
import { type ChannelAddress, isLongwaveError } from '../../protocol/index.ts'
import type { Transport } from '../../transport/index.ts'
import { Tuner } from '../../tuner/index.ts'
import { UpdateClient } from '../support/backchannel-client.ts'
import { LightTuner } from '../support/light-tuner.ts'

/** A tuner of the simulation: each round it says something, and updates. */
export interface NetworkTuner {
  /** What it said so far; each text is unlike all others. */
  readonly said: readonly string[]
  /** Appends an entry and updates once; it fails while servers are away. */
  round(): Promise<void>
  /** Updates once more, without anything new to say. */
  settle(): Promise<void>
  /** Whether it has the release and everything that it said is acknowledged. */
  isDone(goal: Goal): Promise<boolean>
  stop(): Promise<void>
}

/** What all tuners must have in the end. */
export interface Goal {
  readonly release: number
  /** How its files begin. */
  readonly text: string
}

/** Files of a release all tell its number. */
export const releaseFiles = ['a.txt', 'deep/b.txt', 'c.bin'] as const

export interface NetworkTunerOptions {
  readonly name: string
  readonly address: ChannelAddress
  readonly directory: string
  readonly transport: Transport
  /** Called when files of different releases were seen together. */
  onMixed(what: string): void
}

/** A whole tuner: it applies releases to disk. */
export async function createRealTuner(
  options: NetworkTunerOptions & { readonly proxy?: string },
): Promise<NetworkTuner> {
  const { name, address, directory, transport, proxy } = options
  const home = path.join(directory, name)
  const tuner = new Tuner({ home, transport })
  await tuner.start()
  await tuner.subscribe({ address, ...(proxy === undefined ? {} : { proxy }) })
  const [subscription] = await tuner.select()
  if (subscription === undefined) throw new Error('the subscription is lost')
  const current = path.join(home, 'tuner', 'channels', address.name, 'current')
  const said: string[] = []
  const held = async (): Promise<string> => {
    const tree = await realpath(current)
    const texts = await Promise.all(
      releaseFiles.map(async (file) =>
        (await readFile(path.join(tree, file), 'utf8')).slice(0, 12),
      ),
    )
    if (new Set(texts).size !== 1) options.onMixed(`${name}: ${texts.join(', ')}`)
    return texts[0] ?? ''
  }
  const update = async (): Promise<void> => {
    const [outcome] = await tuner.update(await tuner.select())
    await held()
    if (outcome?.ok === false) throw outcome.error
  }
  return {
    said,
    async round() {
      const text = `${name} ${said.length + 1}`
      await tuner.appendFeedback(subscription, { data: Buffer.from(text), type: 'text/plain' })
      said.push(text)
      await update()
    },
    settle: update,
    async isDone({ text }) {
      const { entries } = await tuner.context.feedback.counts(subscription.id)
      const files = await readdir(await realpath(current))
      return entries === 0 && files.length >= releaseFiles.length && (await held()) === text
    },
    stop: () => tuner.stop(),
  }
}

/** How every file of a published content begins. */
export function textOf(content: number): string {
  return `${content}`.padEnd(12)
}

/** The wire side of a tuner with verified downloads, for many in one process. */
export function createLightTuner(
  options: NetworkTunerOptions & {
    /** Where it polls and fetches, in this order. */
    readonly sources: readonly string[]
    /** Where its update requests go. */
    readonly updates: string
  },
): NetworkTuner {
  const { name, address, directory, transport, sources } = options
  const reader = new LightTuner({ address, directory: path.join(directory, name), transport })
  const client = new UpdateClient({ transport, url: options.updates })
  const said: string[] = []
  let acknowledged = 0
  const deliver = async (): Promise<void> => {
    const answer = await client.post(acknowledged + 1)
    acknowledged = answer?.acknowledged?.sequence ?? acknowledged
  }
  const fetch = async (): Promise<void> => {
    for (const [at, source] of sources.entries()) {
      try {
        const trust = await reader.poll(source, at + 1 < sources.length)
        if (trust.head.release > reader.release) await reader.fetch(sources.slice(at), trust)
        break
      } catch (error) {
        if (at + 1 === sources.length) throw error
      }
    }
    const texts = await Promise.all(releaseFiles.map((file) => reader.read(file)))
    const heads = new Set(texts.map((text) => text.slice(0, 12)))
    if (heads.size !== 1) options.onMixed(`${name}: ${[...heads].join(', ')}`)
  }
  return {
    said,
    async round() {
      const text = `${name} ${said.length + 1}`
      client.append(text)
      said.push(text)
      await deliver()
      await fetch()
    },
    async settle() {
      if (acknowledged < said.length) await deliver()
      await fetch()
    },
    async isDone({ release }) {
      return acknowledged === said.length && reader.release === release
    },
    async stop() {},
  }
}

/** Servers that are away fail with errors of ours; anything else is a fault of the code. */
export function rethrowUnlessOurs(error: unknown): void {
  if (!isLongwaveError(error)) throw error
}
