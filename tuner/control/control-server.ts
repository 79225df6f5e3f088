import { once } from 'node:events'
import { chmod, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import type { FetchProgress } from '../../mirroring/index.ts'
import { tunerError } from '../errors.ts'
import type { LocalChange } from '../folders/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import type { TunerOperations } from '../tuner-operations.ts'
import { controlLimits as limits } from './limits.ts'
import { linesOf, sendLine } from './lines.ts'
import {
  type ControlAnswer,
  type ControlReply,
  type ControlRequest,
  errorOf,
  errorText,
} from './messages.ts'
import { openSocketPath, type SocketPath } from './socket-path.ts'

/**
 * Lets commands work through the tuner that owns the home: a local socket for this user only, one
 * request a connection. A command that goes away ends what it asked for.
 */
export class ControlServer {
  readonly #tuner: TunerOperations
  readonly #directory: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #working = new Set<Promise<void>>()
  #path: SocketPath | undefined

  constructor(options: { readonly tuner: TunerOperations; readonly directory: string }) {
    this.#tuner = options.tuner
    this.#directory = options.directory
    this.#server = createServer((socket) => {
      const work = this.#serve(socket).finally(() => this.#working.delete(work))
      this.#working.add(work)
    })
    this.#server.maxConnections = limits.connectionsMax
  }

  /** Listens. The caller owns the home, so a socket that lies there is a dead one's. */
  async start(): Promise<void> {
    const socketPath = await openSocketPath(this.#directory)
    this.#path = socketPath
    if (socketPath.file !== undefined) await rm(socketPath.file, { force: true })
    // The socket is born for this user only: it is there before its mode could be changed.
    const mask = process.umask(0o177)
    try {
      this.#server.listen(socketPath.address)
    } finally {
      process.umask(mask)
    }
    await once(this.#server, 'listening')
    if (socketPath.file !== undefined) await chmod(socketPath.file, 0o600)
  }

  /** Ends what commands asked for and stops to listen. */
  async stop(): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, 'close') : undefined
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await Promise.allSettled(this.#working)
    await closed
    if (this.#path?.file !== undefined) await rm(this.#path.file, { force: true })
    await this.#path?.close()
  }

  async #serve(socket: Socket): Promise<void> {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    const gone = new AbortController()
    socket.on('close', () => {
      this.#sockets.delete(socket)
      gone.abort()
    })
    const conversation = new Conversation(socket, gone.signal)
    try {
      const lines = linesOf(socket, limits.requestBytesMax)
      const first = await lines.next()
      if (first.done === true) return
      // Replies to questions, until the command ends the connection.
      const listening = conversation.listen(lines)
      const result = await perform(this.#tuner, first.value as ControlRequest, conversation)
      conversation.send({ result: result ?? null })
      socket.end()
      await listening
    } catch (error) {
      conversation.send({ error: errorText(error) })
      socket.end()
    }
  }
}

/** One command's connection: progress and questions out, replies in. */
class Conversation {
  readonly signal: AbortSignal
  readonly #socket: Socket
  readonly #questions = new Map<number, (reply: ControlReply | undefined) => void>()
  #asked = 0
  #toldMs = 0

  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket
    this.signal = signal
  }

  send(answer: ControlAnswer): void {
    sendLine(this.#socket, answer)
  }

  async listen(lines: AsyncGenerator<unknown>): Promise<void> {
    try {
      for await (const line of lines) {
        const reply = line as ControlReply
        this.#questions.get(reply.reply)?.(reply)
        this.#questions.delete(reply.reply)
      }
    } catch {
      this.#socket.destroy()
    }
    for (const answer of this.#questions.values()) answer(undefined)
    this.#questions.clear()
  }

  /** Progress is for the eye: now and then is enough, and a slow reader goes without. */
  readonly onProgress = (progress: FetchProgress): void => {
    const nowMs = performance.now()
    const isLast = progress.doneBytes === progress.totalBytes
    if (!isLast && nowMs - this.#toldMs < limits.progressEveryMs) return
    if (this.#socket.writableLength > limits.unsentBytesMax) return
    this.#toldMs = nowMs
    this.send({ progress })
  }

  /** Asks the command about local changes. @throws its refusal */
  readonly onLocalChanges = async (localChanges: readonly LocalChange[]): Promise<void> => {
    const question = ++this.#asked
    const reply = await new Promise<ControlReply | undefined>((resolve) => {
      this.#questions.set(question, resolve)
      this.send({ question, localChanges })
    })
    if (reply === undefined) throw tunerError('LW_TUNER_CONTROL', { detail: 'The command ended.' })
    if (reply.refusal !== undefined) throw errorOf(reply.refusal)
  }
}

type Arguments = Readonly<Record<string, unknown>>

/** Does what a request asks for. @throws LW_TUNER_CONTROL for what there is not */
async function perform(
  tuner: TunerOperations,
  request: ControlRequest,
  conversation: Conversation,
): Promise<unknown> {
  const how = { signal: conversation.signal, onProgress: conversation.onProgress }
  const given = (request.arguments ?? {}) as Arguments
  const operation = operations[String(request.operation)]
  if (operation === undefined) {
    throw tunerError('LW_TUNER_CONTROL', { detail: 'The running tuner is of another version.' })
  }
  return operation(
    tuner,
    given,
    { ...how, onLocalChanges: conversation.onLocalChanges },
    (outcome) => conversation.send({ outcome }),
  )
}

type How = Pick<Conversation, 'signal' | 'onProgress' | 'onLocalChanges'>

type Operation = (
  tuner: TunerOperations,
  given: Arguments,
  how: How,
  tell: (outcome: unknown) => void,
) => Promise<unknown>

const operations: Readonly<Record<string, Operation>> = {
  select: (tuner, { word }) => tuner.select(word as string | undefined),
  damaged: async (tuner) =>
    (await tuner.damaged()).map(({ id, error }) => ({ id, error: errorText(error) })),
  removeDamaged: (tuner, { word, keepData }) =>
    tuner.removeDamaged(String(word), { keepData: keepData === true }),
  describe: (tuner, { subscription }) => tuner.describe(subscription as Subscription),
  why: (tuner, { subscription }) => tuner.why(subscription as Subscription),
  log: (tuner, { subscriptions, countMax }) =>
    tuner.log(subscriptions as readonly Subscription[] | undefined, Number(countMax)),
  setPaused: (tuner, { subscription, paused }) =>
    tuner.setPaused(subscription as Subscription, paused === true),
  setSchedule: (tuner, { subscription, schedule }) =>
    tuner.setSchedule(subscription as Subscription, schedule as string | undefined),
  unsubscribe: (tuner, { subscription, keepData }) =>
    tuner.unsubscribe(subscription as Subscription, { keepData: keepData === true }),
  appendFeedback: (tuner, { subscription, data, ...rest }) =>
    tuner.appendFeedback(subscription as Subscription, {
      type: String(rest['type']),
      data: Buffer.from(String(data), 'base64'),
    }),
  setGrant: (tuner, { subscription, granted }) =>
    tuner.setGrant(subscription as Subscription, granted === true),
  prepareLaunch: (tuner, { subscription }, how) =>
    tuner.prepareLaunch(subscription as Subscription, how),
  undo: (tuner, { subscription }, how) => tuner.undo(subscription as Subscription, how),
  verify: (tuner, { subscription, heal }, how) =>
    tuner.verify(subscription as Subscription, { ...how, heal: heal === true }),
  subscribe: (tuner, { options }, how) =>
    tuner.subscribe({ ...(options as Parameters<TunerOperations['subscribe']>[0]), ...how }),
  async update(tuner, { subscriptions, options }, how, tell) {
    await tuner.update(subscriptions as readonly Subscription[], {
      ...(options as object),
      ...how,
      onOutcome: (outcome) =>
        tell(outcome.ok ? outcome : { ...outcome, error: errorText(outcome.error) }),
    })
  },
}
