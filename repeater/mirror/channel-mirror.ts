import { pollChannel } from '../../mirroring/index.ts'
import {
  type ChannelName,
  type Digest,
  isLongwaveError,
  type PreparedRelease,
} from '../../protocol/index.ts'
import {
  createTrustClient,
  headOf,
  type ReleaseTarget,
  type TrustClient,
  type TrustState,
  verifyCommit,
} from '../../trust/index.ts'
import { type MirrorContext, originHeaders } from '../context.ts'
import { type HeldRelease, holdRelease } from './hold-release.ts'
import { isServed, serveMetadata, serveRelease } from './serve-release.ts'
import { TrustFolder } from './trust-folder.ts'

/** How a mirrored channel stands. */
export interface MirrorState {
  /** The release that the newest verified metadata name; 0 before the first. */
  readonly head: number
  /** When the origin was last compared with, and found to be as here; 0 before. */
  readonly confirmedAtMs: number
  /** Since when something newer is known that is not served yet. */
  readonly behindSinceMs: number | undefined
  readonly failure:
    | { readonly atMs: number; readonly code: string; readonly message: string }
    | undefined
}

/**
 * One channel on its way from the origin to this disk. What is served changes only when all of the
 * next release lies here, verified and durable.
 */
export class ChannelMirror {
  readonly name: ChannelName
  readonly #context: MirrorContext
  readonly #pinned: Digest | undefined
  readonly #folder: TrustFolder
  #client: TrustClient | undefined
  #etag: string | undefined
  /** The release that was prepared last, for the bundle that came with it. */
  #prepared: HeldRelease | undefined
  #tail: Promise<unknown> = Promise.resolve()
  #state: MirrorState = { head: 0, confirmedAtMs: 0, behindSinceMs: undefined, failure: undefined }

  constructor(
    context: MirrorContext,
    options: { readonly name: ChannelName; readonly channelId: Digest | undefined },
  ) {
    this.name = options.name
    this.#context = context
    this.#pinned = options.channelId
    this.#folder = new TrustFolder({ ...context, name: options.name })
  }

  get state(): MirrorState {
    return this.#state
  }

  /** Which channel it is, once something of it was verified. */
  get channelId(): Digest | undefined {
    return this.#client?.state?.channelId
  }

  /** Compares with the origin and takes over what is new. One at a time; later calls wait. */
  sync(): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#sync()
        const confirmedAtMs = this.#context.clock.now()
        this.#note({ confirmedAtMs, behindSinceMs: undefined, failure: undefined })
      } catch (error) {
        this.#context.signal.throwIfAborted()
        this.#note({ failure: failureOf(error, this.#context.clock.now()) })
        throw error
      }
    })
  }

  /** The origin said that nothing changed since the last comparison. */
  confirm(): void {
    if (this.#state.failure !== undefined) return
    this.#note({ confirmedAtMs: this.#context.clock.now() })
  }

  /**
   * Brings a release here that is about to become the head; nothing of it is served. What the
   * publisher signed is verified as a commit is: only the signatures of the online key, which
   * say that it is the head, are still to come.
   * @throws LW_TRUST_…, LW_MIRROR_…, transfer errors
   */
  prepare(prepared: PreparedRelease): Promise<void> {
    return this.#inTurn(async () => {
      const client = await this.#open()
      const { state } = client
      const verified = verifyCommit({
        current: state && { channelId: state.channelId, root: state.root, targets: state.targets },
        roots: prepared.roots.map((text) => Buffer.from(text)),
        targets: Buffer.from(prepared.targets),
        nowMs: this.#context.clock.now(),
      })
      if (this.#pinned !== undefined && verified.channelId !== this.#pinned) {
        throw new TypeError(`a prepared release of ${this.name} belongs to another channel`)
      }
      const held = await holdRelease(this.#context, {
        name: this.name,
        channel: verified.channelId,
        head: verified.head,
        source: `${this.#context.origin.url}/-/repeaters/prepared/${prepared.id}`,
      })
      this.#prepared = held
    })
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#tail.then(work)
    this.#tail = turn.catch(() => undefined)
    return turn
  }

  #note(change: Partial<MirrorState>): void {
    this.#state = { ...this.#state, ...change }
  }

  async #open(): Promise<TrustClient> {
    if (this.#client !== undefined) return this.#client
    const served = await this.#context.records.channels.find(this.name)
    const state = await this.#folder.load({ mustExist: served !== undefined })
    this.#client = createTrustClient({
      state,
      ...(this.#pinned === undefined ? {} : { channelId: this.#pinned }),
      firstUse: this.#pinned === undefined ? 'trust-on-first-use' : 'pinned',
      clock: this.#context.clock,
      persist: (next, newRoots) => this.#folder.save(next, newRoots),
    })
    this.#note({ head: (state && headOf(state)?.release) ?? 0 })
    return this.#client
  }

  async #sync(): Promise<void> {
    const context = this.#context
    const client = await this.#open()
    const poll = await pollChannel({
      transport: context.transport,
      url: `${context.origin.url}/${this.name}`,
      client,
      etag: this.#etag,
      headers: originHeaders(context.origin),
      signal: context.signal,
    })
    context.received.metadata += poll.receivedBytes
    this.#etag = poll.etag
    const { state, head } = poll.trust
    const served = await context.records.channels.find(this.name)
    if (isServed(served, state)) {
      this.#note({ head: head.release })
      return
    }
    const behindSinceMs = this.#state.behindSinceMs ?? context.clock.now()
    this.#note({ head: head.release, behindSinceMs })
    await this.#takeOver(state, head, served?.headRelease ?? 0)
    await context.onServed(this.name)
  }

  async #takeOver(state: TrustState, head: ReleaseTarget, served: number): Promise<void> {
    const context = this.#context
    const common = { name: this.name, folder: this.#folder, state }
    if (head.release === served) {
      await serveMetadata(context, common)
      return
    }
    const held = await holdRelease(context, {
      name: this.name,
      channel: state.channelId,
      head,
      source: `${context.origin.url}/${this.name}`,
    })
    await serveRelease(context, { ...common, held })
    const bundle = held.bundle ?? preparedBundle(this.#prepared, head)
    this.#prepared = undefined
    await context.onRelease({ name: this.name, from: served, release: head.release, bundle })
  }
}

function preparedBundle(prepared: HeldRelease | undefined, head: ReleaseTarget) {
  return prepared?.objects.has(head.sha256) === true ? prepared.bundle : undefined
}

function failureOf(error: unknown, atMs: number): NonNullable<MirrorState['failure']> {
  const code = isLongwaveError(error) ? error.code : 'LW_INTERNAL'
  return { atMs, code, message: error instanceof Error ? error.message : String(error) }
}
