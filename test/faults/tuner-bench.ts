import path from 'node:path'
import { parseChannelAddress } from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  nodeRandomness,
} from '../../store/durable-files/index.ts'
import { systemClock, type Transport } from '../../transport/index.ts'
import { ChannelAccesses } from '../../tuner/backchannel/channel-access.ts'
import type { TunerContext } from '../../tuner/context.ts'
import { FeedbackQueue } from '../../tuner/feedback/index.ts'
import { History } from '../../tuner/history/index.ts'
import { LiveUsers } from '../../tuner/live-users/index.ts'
import {
  inTurn,
  subscribe,
  tidyHome,
  undo,
  unsubscribe,
  updateSubscription,
  verify,
} from '../../tuner/operations/index.ts'
import { type Subscription, SubscriptionStore } from '../../tuner/subscriptions/index.ts'
import { Turns } from '../../tuner/turns.ts'
import { RequestMemory } from '../../tuner/update-requests/index.ts'
import { channelUrl } from '../support/memory-channel.ts'
import { memoryRecords } from '../support/memory-records.ts'
import { memoryTransport } from '../support/memory-transport.ts'
import { SignedChannel } from '../support/signed-channel.ts'
import { readTreeOf, sameTree, treeOf } from '../support/tree-state.ts'
import type { Workload } from './update-workloads.ts'

/** What a sweep of the tuner breaks. A folder's first fetch takes over what lies there. */
export type TunerAct =
  | 'subscribe'
  | 'update'
  | 'undo'
  | 'heal'
  | 'unsubscribe'
  | 'folder subscribe'
  | 'folder update'
  | 'folder undo'
  | 'folder heal'
  | 'folder unsubscribe'

export const tunerActs: readonly TunerAct[] = [
  'subscribe',
  'update',
  'undo',
  'heal',
  'unsubscribe',
  'folder subscribe',
  'folder update',
  'folder undo',
  'folder heal',
  'folder unsubscribe',
]

/** The state of one tuner with one subscription, below a root. */
export interface TunerPlace {
  readonly fs: FileSystem
  readonly root: string
}

/** What is wrong besides mixed states. */
export interface TunerFaults {
  /** Names that only work under way may have, after everything was put right. */
  readonly litter: string[]
  /** What the next act or update came to, when it did not succeed. */
  readonly stuck: string[]
}

type Trees = ReadonlyMap<string, string>

/** A new process over a place whose records were just rebuilt. */
export function tunerContextAt({ fs, root }: TunerPlace, transport: Transport): TunerContext {
  const records = memoryRecords()
  const home = path.join(root, 'home')
  const directory = path.join(home, 'tuner')
  const shared = { clock: systemClock, randomness: nodeRandomness }
  return {
    fs,
    home,
    directory,
    tunerId: 'ab'.repeat(16),
    transport,
    ...shared,
    zone: 'UTC',
    subscriptions: new SubscriptionStore({ fs, directory }),
    history: new History(records, systemClock),
    feedback: new FeedbackQueue({ records, ...shared }),
    requests: new RequestMemory(records),
    liveUsers: new LiveUsers(),
    accesses: new ChannelAccesses({ fs, directory, records, randomness: nodeRandomness }),
    kept: 3,
    turns: new Turns(),
    recovered: new Set(),
  }
}

/** What is done to a tuner's state, and what must come of it. */
export class TunerBench {
  readonly faults: TunerFaults = { litter: [], stuck: [] }
  readonly #act: TunerAct
  readonly #channel: SignedChannel
  /** What lay there before the act; known once a place was prepared. */
  #before: Trees = new Map()

  constructor(act: TunerAct, channel: SignedChannel) {
    this.#act = act
    this.#channel = channel
  }

  static async open(options: {
    readonly act: TunerAct
    readonly workload: Workload
  }): Promise<TunerBench> {
    const { act, workload } = options
    const channel = channels.get(workload) ?? makeChannel(workload)
    channels.set(workload, channel)
    return new TunerBench(act, await channel)
  }

  /** The channel, for a process that is to do the same. */
  freeze(): string {
    return this.#channel.freeze()
  }

  get #isFolder(): boolean {
    return this.#act.startsWith('folder')
  }

  get #kind(): string {
    return this.#act.replace('folder ', '')
  }

  #open(place: TunerPlace, head = this.#channel.last): TunerContext {
    return tunerContextAt(place, memoryTransport(this.#channel.pagesAt(head)))
  }

  async #subscribe(place: TunerPlace, head: number): Promise<unknown> {
    const address = parseChannelAddress(`${channelUrl}#${this.#channel.channelId}`)
    const directory = path.join(place.root, 'folder')
    const into = { directory, adopt: true, protect: [] }
    return subscribe(this.#open(place, head), {
      address,
      ...(this.#isFolder ? { into } : {}),
    })
  }

  async #subscription(context: TunerContext): Promise<Subscription | undefined> {
    return (await context.subscriptions.list())[0]
  }

  async #known(context: TunerContext): Promise<Subscription> {
    const subscription = await this.#subscription(context)
    if (subscription === undefined) throw new Error('nothing is subscribed')
    return subscription
  }

  /** The state before the act, with what a user did meanwhile. */
  async prepare(place: TunerPlace): Promise<void> {
    await ensureDirectory(place.fs, path.join(place.root, 'folder'))
    await ensureDirectory(place.fs, path.join(place.root, 'home', 'tuner'))
    const kind = this.#kind
    if (kind !== 'subscribe') await this.#subscribe(place, 1)
    if (this.#isFolder) await this.#edit(place)
    if (kind === 'undo') {
      const context = this.#open(place)
      await updateSubscription(context, await this.#known(context))
      if (this.#isFolder) await this.#edit(place)
    }
    if (kind === 'heal' && !this.#isFolder) await this.#damage(place)
    this.#before = await this.tree(place)
  }

  /** Edits, removes and adds files of a synchronized folder. */
  async #edit({ fs, root }: TunerPlace): Promise<void> {
    const folder = path.join(root, 'folder')
    const files = await plainFiles(fs, folder)
    const [edited, removed] = files
    if (edited !== undefined) await rewrite(fs, edited, 'edited by the user')
    if (removed !== undefined) await fs.unlink(removed)
    await rewrite(fs, path.join(folder, 'local-extra.txt'), 'made by the user')
  }

  /** Alters one file of the tuner's copy and removes another. */
  async #damage({ fs, root }: TunerPlace): Promise<void> {
    const link = path.join(root, 'home/tuner/channels/demo/current')
    const [altered, missing] = await plainFiles(fs, await fs.realpath(link))
    if (altered !== undefined) {
      await fs.chmod(altered, 0o644)
      await rewrite(fs, altered, 'altered by the disk')
    }
    if (missing !== undefined) await fs.unlink(missing)
  }

  async act(place: TunerPlace): Promise<void> {
    const kind = this.#kind
    if (kind === 'subscribe') {
      await this.#subscribe(place, 1)
      return
    }
    const context = this.#open(place, kind === 'heal' ? 1 : this.#channel.last)
    await recoverAll(context)
    const subscription = await this.#known(context)
    if (kind === 'update') await updateSubscription(context, subscription)
    else if (kind === 'undo') await undo(context, subscription)
    else if (kind === 'heal') await verify(context, subscription, { heal: true })
    else await unsubscribe(context, subscription, { keepData: false })
  }

  /** What a new process does first. */
  async recover(place: TunerPlace): Promise<void> {
    await recoverAll(this.#open(place))
  }

  /** What lies there for a user of the channel. */
  async tree({ fs, root }: TunerPlace): Promise<Trees> {
    if (!this.#isFolder) {
      const link = path.join(root, 'home/tuner/channels/demo/current')
      // A link that leads nowhere is a tree of nothing, which is no release.
      const current = await fs.realpath(link).catch(() => undefined)
      return current === undefined ? new Map() : readTreeOf(fs, current)
    }
    const tree = new Map(await readTreeOf(fs, path.join(root, 'folder')))
    // What waits for the next update is no part of a release.
    for (const name of [...tree.keys()]) {
      if (name.startsWith('.longwave-updating')) tree.delete(name)
    }
    return tree
  }

  /** @param after what the act makes of the place when nothing disturbs it */
  async check(place: TunerPlace, after: Trees): Promise<'old' | 'new' | 'mixed'> {
    const tree = await this.tree(place)
    const state = this.#stateOf(tree, after, await this.#isSubscribed(place))
    try {
      await this.#goOn(place, after)
    } catch (error) {
      this.faults.stuck.push(String(error))
      return state
    }
    this.faults.litter.push(...(await this.#litter(place)))
    return state
  }

  async #isSubscribed(place: TunerPlace): Promise<boolean> {
    return (await this.#subscription(this.#open(place))) !== undefined
  }

  #stateOf(tree: Trees, after: Trees, isSubscribed: boolean): 'old' | 'new' | 'mixed' {
    // The end of a subscription is a record; the tree goes after it, or stays.
    if (this.#kind === 'unsubscribe') {
      if (!sameTree(tree, isSubscribed ? this.#before : after)) return 'mixed'
      return isSubscribed ? 'old' : 'new'
    }
    if (sameTree(tree, this.#before)) return 'old'
    if (sameTree(tree, after)) return 'new'
    // A copy is mended file by file: each is as it was or as it shall be.
    return this.#act === 'heal' && isBetween(tree, this.#before, after) ? 'old' : 'mixed'
  }

  /** The same act again where it is worth it, then an update: both must succeed. */
  async #goOn(place: TunerPlace, after: Trees): Promise<void> {
    const kind = this.#kind
    if (kind === 'heal' || kind === 'subscribe' || kind === 'unsubscribe') {
      const isDone = kind === 'unsubscribe' && !(await this.#isSubscribed(place))
      if (!isDone) await this.act(place)
      if (!sameTree(await this.tree(place), after))
        throw new Error('the act came to something else')
    }
    if (kind === 'unsubscribe') {
      this.faults.litter.push(...(await this.#remains(place)))
      await this.#subscribe(place, this.#channel.last)
    } else {
      const context = this.#open(place)
      await updateSubscription(context, await this.#known(context))
    }
    const head = this.#channel.releases.at(-1)
    const tree = await this.tree(place)
    if (head === undefined || !sameTree(tree, treeOf(head.manifest))) {
      throw new Error('the next update came to something else')
    }
    const context = this.#open(place)
    const { damages } = await verify(context, await this.#known(context))
    if (damages.length > 0) throw new Error('the next update left damage')
  }

  /** What an ended subscription left. */
  async #remains({ fs, root }: TunerPlace): Promise<readonly string[]> {
    const names = [...(await readTreeOf(fs, path.join(root, 'home'))).keys()]
    return names.filter((name) => /^tuner\/(channels|folders)\/./.test(name))
  }

  async #litter({ fs, root }: TunerPlace): Promise<readonly string[]> {
    const isLeft = (name: string): boolean =>
      /\.lw-|building-|removed-|\.longwave-updating|\/staging\/.|folders\/[^/]+\/journal/.test(name)
    // The parts of staging that are always there may stay, empty.
    const isRoom = /\/staging\/(objects|partial|output)$/
    const names = [...(await readTreeOf(fs, root)).keys()]
    return names.filter((name) => isLeft(name) && !isRoom.test(name))
  }
}

/** What a tuner does at its start, and before the first operation on each subscription. */
async function recoverAll(context: TunerContext): Promise<void> {
  await tidyHome(context)
  for (const one of await context.subscriptions.list()) {
    await inTurn(context, one, async () => undefined)
  }
}

/** A workload's channel is made once: making a bundle takes longer than many a point. */
const channels = new Map<Workload, Promise<SignedChannel>>()

function makeChannel({ before, between, after, route }: Workload): Promise<SignedChannel> {
  const trees = between === undefined ? [before, after] : [before, between, after]
  return SignedChannel.make(trees, route)
}

/** Whether every path is as it is in one tree or in the other. */
function isBetween(tree: Trees, before: Trees, after: Trees): boolean {
  for (const name of new Set([...tree.keys(), ...before.keys(), ...after.keys()])) {
    const what = tree.get(name)
    if (what !== before.get(name) && what !== after.get(name)) return false
  }
  return true
}

async function plainFiles(fs: FileSystem, folder: string): Promise<readonly string[]> {
  const tree = await readTreeOf(fs, folder)
  return [...tree]
    .filter(([, what]) => /^(file|exec) /.test(what))
    .map(([name]) => path.join(folder, name))
    .sort()
}

async function rewrite(fs: FileSystem, file: string, text: string): Promise<void> {
  const handle = await fs.open(file, 'w', 0o644)
  await handle.write(Buffer.from(text))
  await handle.close()
}
