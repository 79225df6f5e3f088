import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { digestOf, isLongwaveError } from '../protocol/index.ts'
import { type ChannelEvent, EventLine } from './channel-events.ts'
import { sdkError } from './errors.ts'
import { sdkLimits as limits } from './limits.ts'
import { appendToOutbox } from './outbox.ts'
import { TunerLine } from './tuner-line.ts'

/** Where the channel's tuner is; what is left out comes from the environment of a launch. */
export interface ChannelOptions {
  /** `LONGWAVE_CHANNEL_SOCKET` */
  readonly socket?: string
  /** `LONGWAVE_CHANNEL_TOKEN` */
  readonly token?: string
  /** `LONGWAVE_CHANNEL_DATA`: the channel's own writable folder. */
  readonly data?: string
}

/** What a channel may append: text, bytes, or a value that becomes JSON. */
export type FeedbackData = string | Uint8Array | object

/** What the plug-in answered last. */
export interface ChannelReply {
  readonly type: string
  readonly data: Buffer
  text(): string
  json(): unknown
}

type Listeners = {
  readonly [Type in ChannelEvent['type']]: Set<
    (event: Extract<ChannelEvent, { type: Type }>) => void
  >
}

/** A running channel's side of the back channel. */
export interface Channel extends AsyncDisposable {
  /**
   * Keeps feedback durably until the next update brings it to the transmitter; without a tuner in
   * the channel's own folder.
   * @throws LW_FEEDBACK_FULL, LW_FEEDBACK_TOO_LARGE, LW_SDK_NOT_LAUNCHED
   */
  feedback(data: FeedbackData, type?: string): Promise<void>
  /**
   * Hears of updates. A channel that hears them counts as running: a new release lies ready, and
   * is switched to when the channel installs it, or after it has quit.
   * @returns ends the listening of this listener
   */
  on<Type extends ChannelEvent['type']>(
    type: Type,
    listener: (event: Extract<ChannelEvent, { type: Type }>) => void,
  ): () => void
  /** Switches to the release that lies ready, now. @throws LW_SDK_NO_TUNER */
  install(): Promise<{ readonly from: number; readonly to: number; readonly location: string }>
  /** Asks the tuner to update now, or with `check` only to look. @throws LW_SDK_NO_TUNER, … */
  update(options?: {
    readonly check?: boolean
    readonly signal?: AbortSignal
  }): Promise<{ readonly outcome: string; readonly from: number; readonly to: number }>
  /** What the plug-in replied last; undefined for nothing. Needs no tuner. */
  reply(): Promise<ChannelReply | undefined>
  close(): Promise<void>
}

/** Connects a program to the tuner that keeps it; works without one, too. */
export async function connectChannel(options: ChannelOptions = {}): Promise<Channel> {
  const socket = options.socket ?? process.env['LONGWAVE_CHANNEL_SOCKET']
  const token = options.token ?? process.env['LONGWAVE_CHANNEL_TOKEN']
  const data = options.data ?? process.env['LONGWAVE_CHANNEL_DATA']
  const line =
    socket === undefined || token === undefined ? undefined : new TunerLine({ socket, token })
  if (line === undefined && data === undefined) throw sdkError('LW_SDK_NOT_LAUNCHED')
  return new ConnectedChannel(line, data)
}

class ConnectedChannel implements Channel {
  readonly #line: TunerLine | undefined
  readonly #data: string | undefined
  readonly #listeners: Listeners = {
    hello: new Set(),
    update: new Set(),
    installed: new Set(),
    reply: new Set(),
  }
  #events: EventLine | undefined

  constructor(line: TunerLine | undefined, data: string | undefined) {
    this.#line = line
    this.#data = data
  }

  async feedback(data: FeedbackData, type?: string): Promise<void> {
    const entry = entryOf(data, type)
    if (this.#line !== undefined) {
      try {
        await this.#line.ask('POST', '/feedback', { body: entry.data, type: entry.type })
        return
      } catch (error) {
        const isAway =
          isLongwaveError(error, 'LW_SDK_NO_TUNER') || isLongwaveError(error, 'LW_CHANNEL_BUSY')
        if (!isAway || this.#data === undefined) throw error
      }
    }
    if (this.#data === undefined) throw sdkError('LW_SDK_NOT_LAUNCHED')
    await appendToOutbox(this.#data, entry)
  }

  on<Type extends ChannelEvent['type']>(
    type: Type,
    listener: (event: Extract<ChannelEvent, { type: Type }>) => void,
  ): () => void {
    this.#listeners[type].add(listener)
    if (this.#line !== undefined && this.#events === undefined) {
      this.#events = new EventLine(this.#line, (event) => this.#tell(event))
      this.#events.start()
    }
    return () => {
      this.#listeners[type].delete(listener)
    }
  }

  #tell(event: ChannelEvent): void {
    const listeners = this.#listeners[event.type] as Set<(told: ChannelEvent) => void> | undefined
    for (const listener of listeners ?? []) listener(event)
  }

  async install(): Promise<{
    readonly from: number
    readonly to: number
    readonly location: string
  }> {
    return jsonOf((await this.#requireLine().ask('POST', '/install')).bytes)
  }

  async update(
    options: { readonly check?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<{ readonly outcome: string; readonly from: number; readonly to: number }> {
    const target = options.check === true ? '/update?check=1' : '/update'
    const answer = await this.#requireLine().ask('POST', target, {
      timeoutMs: limits.updateTimeoutMs,
      signal: options.signal,
    })
    return jsonOf(answer.bytes)
  }

  #requireLine(): TunerLine {
    if (this.#line === undefined) throw sdkError('LW_SDK_NO_TUNER')
    return this.#line
  }

  async reply(): Promise<ChannelReply | undefined> {
    if (this.#data !== undefined) return loadReply(this.#data)
    const answer = await this.#requireLine().ask('GET', '/reply')
    return answer.status === 204 ? undefined : replyOf(answer.type, answer.bytes)
  }

  async close(): Promise<void> {
    await this.#events?.close()
    this.#events = undefined
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function entryOf(
  data: FeedbackData,
  type: string | undefined,
): { readonly data: Uint8Array; readonly type: string } {
  if (typeof data === 'string') return { data: Buffer.from(data), type: type ?? 'text/plain' }
  if (data instanceof Uint8Array) return { data, type: type ?? 'application/octet-stream' }
  return { data: Buffer.from(JSON.stringify(data)), type: type ?? 'application/json' }
}

function jsonOf<Value>(bytes: Buffer): Value {
  try {
    return JSON.parse(bytes.toString('utf8')) as Value
  } catch (cause) {
    throw sdkError('LW_SDK_ANSWER', { cause })
  }
}

/** The reply as the tuner left it in the channel's folder; one that is being replaced is read again. */
async function loadReply(directory: string): Promise<ChannelReply | undefined> {
  for (let attempt = 1; attempt <= 3; attempt++) {
    const [facts, data] = await Promise.all(
      ['reply.json', 'reply'].map((name) =>
        readFile(path.join(directory, name)).catch(() => undefined),
      ),
    )
    if (facts === undefined || data === undefined) return undefined
    const { type, sha256 } = jsonOf<{ readonly type: string; readonly sha256: string }>(facts)
    if (digestOf(data) === sha256) return replyOf(type, data)
  }
  return undefined
}

function replyOf(type: string, data: Buffer): ChannelReply {
  return {
    type,
    data,
    text: () => data.toString('utf8'),
    json: () => JSON.parse(data.toString('utf8')),
  }
}
