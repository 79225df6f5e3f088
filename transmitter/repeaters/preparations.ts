import { randomUUID } from 'node:crypto'
import { bundleFormat } from '../../delta/index.ts'
import { type CommitResult, digestOf, repeaterBase } from '../../protocol/index.ts'
import type { PreparationRecord } from '../../store/server-records/index.ts'
import { parseTargets } from '../../trust/index.ts'
import type { TransmitterContext } from '../context.ts'
import type { CommitHook, CommitNotes, PendingCommit } from '../releases/index.ts'
import { repeaterOriginLimits as limits } from './limits.ts'
import { PreparedRelease } from './prepared-release.ts'
import type { RepeaterNewsDesk } from './repeater-news.ts'

type RepeaterStates = CommitResult['repeaters']

interface UnderWay {
  readonly id: string
  /** The repeaters that have all of it. */
  ready: ReadonlySet<string>
}

/**
 * Two steps of a publish: repeaters fetch the whole release from a private place, then one
 * compare-and-set makes it the head. Who asks anywhere gets the old release or the new one.
 */
export class Preparations implements CommitHook {
  readonly #context: TransmitterContext
  readonly #news: RepeaterNewsDesk
  readonly #open = new Map<string, Promise<PreparedRelease | undefined>>()
  /** Preparations of commits under way, by the digest of their targets. */
  readonly #underWay = new Map<string, UnderWay>()

  constructor(context: TransmitterContext, news: RepeaterNewsDesk) {
    this.#context = context
    this.#news = news
  }

  /** Lets the listed repeaters fetch the release, and waits for them as long as was asked for. */
  async before(commit: PendingCommit): Promise<CommitNotes> {
    const { manifest, request } = commit
    const listed = (manifest.repeaters?.members ?? []).map(({ url }) => url)
    if (!commit.isNewRelease || request.targets === undefined || listed.length === 0) return {}
    const awaited = await this.#awaited(commit, listed)
    const waitMs = (request.waitSeconds ?? limits.waitSecondsDefault) * 1000
    if (waitMs === 0 || awaited.live.size === 0) {
      return { repeaters: statesOf(listed, awaited.live, new Set()) }
    }
    const underWay = await this.#announce(commit, waitMs)
    underWay.ready = await this.#waitFor(underWay.id, awaited.following, waitMs)
    return { repeaters: statesOf(listed, awaited.live, underWay.ready) }
  }

  /** Those who were ready switch within a moment; the publisher hears of it when they have. */
  async after(commit: PendingCommit): Promise<void> {
    const key = keyOf(commit)
    const underWay = this.#underWay.get(key)
    this.#underWay.delete(key)
    this.#news.wake()
    if (underWay === undefined) return
    const { logger } = this.#context.server
    this.#settle(underWay.id).catch((error: unknown) => {
      logger.error({ err: error }, 'a preparation could not be ended')
    })
    await this.#untilSwitched(commit.manifest, underWay.ready).catch((error: unknown) => {
      logger.error({ err: error }, 'the repeaters of a channel could not be looked at')
    })
  }

  async #untilSwitched(
    { name, release }: PendingCommit['manifest'],
    ready: ReadonlySet<string>,
  ): Promise<void> {
    const endMs = performance.now() + limits.switchWaitMs
    while (!this.#news.isStopped) {
      const holding = await this.#context.repeaters.holding(name)
      if ([...ready].every((url) => holding.get(url) === release)) return
      const restMs = endMs - performance.now()
      if (restMs <= 0) return
      await this.#news.pause(Math.min(restMs, limits.waitLookMs))
    }
  }

  /** The files of a preparation, also of one that another process announced. */
  async find(id: string): Promise<PreparedRelease | undefined> {
    const known = await this.#open.get(id)
    if (known !== undefined) {
      if (known.record.expiresAtMs > this.#context.clock.now()) return known
      await this.#close(id)
      return undefined
    }
    const record = await this.#context.records.repeaters.findPreparation(id)
    if (record === undefined || record.expiresAtMs <= this.#context.clock.now()) return undefined
    return this.#hold(record)
  }

  async stop(): Promise<void> {
    const all = [...this.#open.values()]
    this.#open.clear()
    for (const prepared of all) await (await prepared)?.close()
  }

  /** Which listed repeaters are up, and which of them follow this channel. */
  async #awaited(commit: PendingCommit, listed: readonly string[]) {
    const { repeaters, catalogue } = this.#context
    const all = await repeaters.live()
    const live = new Set(listed.map(baseOf).filter((url) => all.has(url)))
    const { name } = commit.manifest
    if (catalogue.find(name) === undefined) return { live, following: live }
    const holding = await repeaters.holding(name)
    return { live, following: new Set([...live].filter((url) => holding.has(url))) }
  }

  async #announce(commit: PendingCommit, waitMs: number): Promise<UnderWay> {
    const { records, clock } = this.#context
    const { manifest, request } = commit
    const key = keyOf(commit)
    const known = this.#underWay.get(key)
    const underWay: UnderWay = known ?? { id: randomUUID(), ready: new Set() }
    const { id } = underWay
    this.#underWay.set(key, underWay)
    // Commits that came to nothing leave theirs behind.
    const oldest = this.#underWay.keys().next().value
    const isOver = this.#underWay.size > limits.preparationsKept
    if (isOver && oldest !== undefined) this.#underWay.delete(oldest)
    const targets = request.targets ?? ''
    const record: PreparationRecord = {
      id,
      channel: manifest.name,
      release: manifest.release,
      manifestDigest: parseTargets(Buffer.from(targets)).view.head.sha256,
      roots: request.roots,
      targets,
      expiresAtMs: clock.now() + waitMs + limits.preparationSlackMs,
    }
    await records.repeaters.prepare(record)
    this.#hold(record)
    this.#news.wake()
    return underWay
  }

  #hold(record: PreparationRecord): Promise<PreparedRelease> {
    const holding = this.#context.manifests
      .load(record.manifestDigest)
      .then(({ manifest }) => new PreparedRelease(this.#context, record, manifest))
    const known = this.#open.get(record.id)
    if (known !== undefined) return known as Promise<PreparedRelease>
    this.#open.set(record.id, holding)
    holding.catch(() => this.#open.delete(record.id))
    for (const id of this.#open.keys()) {
      if (this.#open.size <= limits.preparationsKept) break
      void this.#close(id)
    }
    return holding
  }

  /** The repeaters that are ready when all are that are waited for, or the time is over. */
  async #waitFor(
    id: string,
    awaited: ReadonlySet<string>,
    waitMs: number,
  ): Promise<ReadonlySet<string>> {
    const endMs = performance.now() + waitMs
    for (;;) {
      const ready = new Set(await this.#context.records.repeaters.readyFor(id))
      const restMs = endMs - performance.now()
      const isDone = [...awaited].every((url) => ready.has(url))
      if (isDone || restMs <= 0 || this.#news.isStopped) return ready
      await this.#news.pause(Math.min(restMs, limits.waitLookMs))
    }
  }

  /** The bundle becomes an ordinary one, then nothing of the preparation is left. */
  async #settle(id: string): Promise<void> {
    const { records, clock } = this.#context
    try {
      const prepared = await this.#open.get(id)
      const bundle = await prepared?.finished()
      if (prepared !== undefined && bundle !== undefined) await this.#offer(prepared, bundle)
    } finally {
      await this.#close(id)
      await records.repeaters.endPreparation(id, clock.now())
      await this.#context.repeaters.forgetOld()
      this.#news.wake()
    }
  }

  async #offer(
    prepared: PreparedRelease,
    bundle: NonNullable<Awaited<PreparedRelease['bundle']>>,
  ): Promise<void> {
    const { records, objects, clock } = this.#context
    const { channel, release } = prepared.record
    const key = {
      channel,
      fromRelease: bundle.from,
      toRelease: release,
      format: bundleFormat,
    }
    const made = { effort: 1, atMs: clock.now() }
    if (!(await records.bundles.begin(key, { ...made, staleBeforeMs: 0 }))) return
    try {
      const object = { digest: bundle.sha256, size: bundle.bytes }
      await records.bundles.announce(key, object)
      await objects.receive({ ...object, source: { fromPath: bundle.file } })
      await records.bundles.ready(key, made)
    } catch (error) {
      await records.bundles.failed(key, clock.now())
      throw error
    }
  }

  async #close(id: string): Promise<void> {
    const prepared = this.#open.get(id)
    this.#open.delete(id)
    await (await prepared)?.close()
  }
}

function keyOf({ request }: PendingCommit): string {
  return digestOf(request.targets ?? '')
}

function baseOf(url: string): string {
  return repeaterBase(url) ?? url
}

function statesOf(
  listed: readonly string[],
  live: ReadonlySet<string>,
  ready: ReadonlySet<string>,
): RepeaterStates {
  return listed.map((url) => {
    const base = baseOf(url)
    const state = ready.has(base) ? 'ready' : live.has(base) ? 'lagging' : 'unknown'
    return { url, state }
  })
}
