import { Socket } from 'node:net'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { encodeFrame, FrameReader, writeTogether } from './frames.ts'
import { pluginLimits as limits } from './limits.ts'
import type { CallMessage, FromPlugin, PluginReturn, StartMessage, ToPlugin } from './messages.ts'
import type {
  Plugin,
  PluginAnswer,
  PluginCallContext,
  PluginContext,
  PluginFeedback,
} from './plugin-api.ts'
import { OwnDatabase, SqliteFile } from './plugin-database.ts'

/**
 * The process of one channel's plug-in. It speaks with the transmitter over descriptor 3 and ends
 * with it.
 */
const line = new Socket({ fd: 3 })
const reader = new FrameReader(limits.messageBytesMax)
const calls = new Map<number, AbortController>()
let running: RunningPlugin | undefined

line.on('data', (chunk: Buffer) => {
  for (const message of reader.push(chunk)) void take(message as ToPlugin)
})
line.once('close', () => process.exit(0))
// A plug-in that loops never sees the line close: this thread ends the process for it.
new Worker(new URL(`./orphan-worker.${extension()}`, import.meta.url))

function extension(): string {
  return import.meta.url.endsWith('.ts') ? 'ts' : 'js'
}

function tell(message: FromPlugin): void {
  writeTogether(line, encodeFrame(message, limits.messageBytesMax))
}

async function take(message: ToPlugin): Promise<void> {
  switch (message.kind) {
    case 'start':
      return start(message.start)
    case 'call':
      return call(message.id, message.call)
    case 'abandon':
      calls.get(message.id)?.abort()
      running?.endWithStuckWork()
      return
    case 'ping':
      return tell({ kind: 'pong', id: message.id })
    case 'stop':
      await running?.close()
      process.exit(0)
  }
}

async function start(message: StartMessage): Promise<void> {
  try {
    running = await RunningPlugin.load(message)
    tell({ kind: 'ready' })
  } catch (error) {
    tell({ kind: 'failed', text: textOf(error) })
  }
}

async function call(id: number, message: CallMessage): Promise<void> {
  const controller = new AbortController()
  calls.set(id, controller)
  try {
    if (running === undefined) throw new Error('the plug-in has not begun')
    const value = await running.update(message, controller.signal)
    tell({ kind: 'returned', id, value })
  } catch (error) {
    tell({ kind: 'threw', id, text: textOf(error) })
  } finally {
    calls.delete(id)
  }
}

function textOf(error: unknown): string {
  return (error instanceof Error ? (error.stack ?? error.message) : String(error)).slice(0, 4000)
}

/** A plug-in after its `init`. */
class RunningPlugin {
  readonly #plugin: Plugin
  readonly #context: PluginContext
  readonly #own: OwnDatabase

  private constructor(plugin: Plugin, context: PluginContext, own: OwnDatabase) {
    this.#plugin = plugin
    this.#context = context
    this.#own = own
  }

  static async load(start: StartMessage): Promise<RunningPlugin> {
    const loaded = (await import(pathToFileURL(start.module).href)) as Partial<Plugin> & {
      readonly default?: Partial<Plugin>
    }
    const plugin = typeof loaded.update === 'function' ? loaded : loaded.default
    if (typeof plugin?.update !== 'function') {
      throw new TypeError('The module exports no function "update".')
    }
    const own = new OwnDatabase(path.join(start.directory, 'plugin.db'))
    const context: PluginContext = {
      channel: start.channel,
      settings: start.settings,
      directory: start.directory,
      database: own.beside,
      openDatabase: (file, options) => new SqliteFile(file, options),
      log: (text) => process.stdout.write(`${text}\n`),
    }
    await plugin.init?.(context)
    return new RunningPlugin(plugin as Plugin, context, own)
  }

  async update(message: CallMessage, signal: AbortSignal): Promise<PluginReturn> {
    const { tuner, release, head, zoneMinutes, isRedelivery } = message
    const feedback = message.feedback.map((entry) => feedbackOf(tuner, entry))
    const context: PluginCallContext = {
      ...this.#context,
      signal,
      transaction: (work) => this.#own.transaction(feedback, work),
    }
    const request = { tuner, release, head, zoneMinutes, isRedelivery, feedback }
    return returnOf((await this.#plugin.update(request, context)) ?? {})
  }

  /**
   * Work that does not end locks the database for every other call, and cannot be stopped: when it
   * outlives a call that was given up, the process ends, and SQLite undoes it.
   */
  endWithStuckWork(): void {
    const work = this.#own.workInHand
    if (work === undefined) return
    setTimeout(() => {
      if (this.#own.workInHand === work) process.exit(1)
    }, limits.transactionGraceMs).unref()
  }

  async close(): Promise<void> {
    await this.#plugin.close?.(this.#context)
  }
}

function feedbackOf(
  tuner: string,
  entry: CallMessage['feedback'][number],
): PluginFeedback & { readonly epoch: string } {
  const data = Buffer.from(entry.data, 'base64')
  return {
    id: `${tuner}:${entry.epoch}:${entry.sequence}`,
    tuner,
    epoch: entry.epoch,
    sequence: entry.sequence,
    at: new Date(entry.at),
    received: new Date(entry.received),
    type: entry.type,
    data,
    text: () => data.toString('utf8'),
    json: () => JSON.parse(data.toString('utf8')),
  }
}

function returnOf(answer: PluginAnswer): PluginReturn {
  const { reply, files } = answer
  return {
    ...(reply === undefined ? {} : { reply: reply === null ? null : replyOf(reply) }),
    ...(files === undefined
      ? {}
      : {
          files: files.map(({ path: name, data, mime }) => ({
            path: name,
            mime: mime ?? '',
            data: Buffer.from(data as Uint8Array).toString('base64'),
          })),
        }),
  }
}

function replyOf(reply: NonNullable<PluginAnswer['reply']>): { type: string; data: string } {
  if (typeof reply === 'string') {
    return { type: 'text/plain', data: Buffer.from(reply).toString('base64') }
  }
  if (reply instanceof Uint8Array) {
    return { type: 'application/octet-stream', data: Buffer.from(reply).toString('base64') }
  }
  const { type, data } = reply
  const isBytes = typeof data === 'string' || data instanceof Uint8Array
  const bytes = isBytes ? Buffer.from(data as Uint8Array) : Buffer.from(JSON.stringify(data))
  return { type, data: bytes.toString('base64') }
}
