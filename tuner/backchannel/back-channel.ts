import { isLongwaveError } from '../../protocol/index.ts'
import type { TunerContext } from '../context.ts'
import {
  describeSubscription,
  install,
  releaseOf,
  updateSubscription,
} from '../operations/index.ts'
import { loadPolicy } from '../policy/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { dataDirectory, loadReply } from '../update-requests/index.ts'
import { type ChannelOperations, ChannelSocket } from './channel-socket.ts'
import { backChannelLimits as limits } from './limits.ts'

/** The local API of all subscriptions, for as long as the tuner runs. */
export class BackChannel {
  readonly #context: TunerContext
  readonly #sockets = new Map<string, ChannelSocket>()
  readonly #work = new Set<Promise<unknown>>()
  #timer: NodeJS.Timeout | undefined
  #refreshing: Promise<void> | undefined
  #isStopped = false

  constructor(context: TunerContext) {
    this.#context = context
  }

  async start(): Promise<void> {
    await this.refresh()
    this.#timer = setInterval(() => void this.refresh().catch(() => undefined), limits.refreshMs)
    this.#timer.unref()
  }

  /** Opens sockets for new subscriptions and closes those of ended ones. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  async #refresh(): Promise<void> {
    const subscriptions = await this.#context.subscriptions.list()
    const ids = new Set(subscriptions.map((subscription) => subscription.id))
    for (const [id, socket] of this.#sockets) {
      if (ids.has(id)) continue
      this.#sockets.delete(id)
      await this.#close(id, socket)
    }
    for (const subscription of subscriptions) {
      const isNew = !this.#sockets.has(subscription.id)
      if (this.#isStopped || this.#sockets.size >= limits.socketsMax) return
      if (isNew) await this.#open(subscription)
    }
  }

  async #open(subscription: Subscription): Promise<void> {
    const { id } = subscription
    const { accesses } = this.#context
    const access = await accesses.open(id, dataDirectory(this.#context, subscription))
    const socket = new ChannelSocket(this.#operationsOf(subscription), access)
    this.#sockets.set(id, socket)
    await socket.start(accesses.directory, accesses.socketName(id))
  }

  async #close(id: string, socket: ChannelSocket): Promise<void> {
    await socket.stop()
    await this.#context.accesses.close(id)
  }

  #operationsOf(subscription: Subscription): ChannelOperations {
    const context = this.#context
    const { id } = subscription
    const latest = async (): Promise<Subscription> =>
      (await context.subscriptions.find(id)) ?? subscription
    return {
      status: async () => {
        const policy = await loadPolicy(context.fs, context.directory)
        const view = await describeSubscription(context, await latest(), policy)
        const { release, head, location } = view
        const feedback = await context.feedback.counts(id)
        return { channel: subscription.name, release, head, location, feedback }
      },
      append: async (feedback) => {
        await context.feedback.append(id, feedback)
        return context.feedback.counts(id)
      },
      reply: () => loadReply(context.fs, dataDirectory(context, subscription)),
      update: async ({ check }) => {
        const result = await updateSubscription(context, await latest(), { check })
        const { outcome, from, to, warnings } = result
        return { outcome, from, to, warnings }
      },
      install: async () => install(context, await latest()),
      enter: (tell) => this.#enter(subscription, tell),
    }
  }

  async #enter(
    subscription: Subscription,
    tell: Parameters<ChannelOperations['enter']>[0],
  ): ReturnType<ChannelOperations['enter']> {
    const { liveUsers } = this.#context
    const release = await releaseOf(this.#context, subscription)
    const user = { subscription: subscription.id, release, tell }
    liveUsers.add(user)
    return {
      user,
      leave: async () => {
        const isLast = liveUsers.remove(user)
        if (!isLast || this.#isStopped || subscription.into !== undefined) return
        // What waited for the channel to quit is applied now.
        const work = install(this.#context, subscription).catch((error: unknown) => {
          if (!isLongwaveError(error)) throw error
        })
        this.#work.add(work)
        await work.finally(() => this.#work.delete(work))
      },
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#timer)
    await this.#refreshing
    for (const [id, socket] of this.#sockets) await this.#close(id, socket)
    this.#sockets.clear()
    await Promise.allSettled(this.#work)
  }
}
