export interface GroupCommitOptions<Item, Result> {
  /** Makes several durable at once; results in the order of the items. */
  readonly commit: (items: readonly Item[]) => Promise<readonly Result[]>
  /** What an item counts against the limits of bytes. */
  readonly bytesOf: (item: Item) => number
  readonly itemsPerCommitMax: number
  readonly bytesPerCommitMax: number
  readonly itemsWaitingMax: number
  readonly bytesWaitingMax: number
  /** Under load the next one waits as long as the last one took, at most so long; 0 when absent. */
  readonly gatherMsMax?: number
  /** The error for whoever finds too many waiting. */
  readonly full: () => Error
}

interface Waiting<Item, Result> {
  readonly item: Item
  readonly bytes: number
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/**
 * Makes many small changes durable with few transactions: what arrives while one runs goes into
 * the next. Nobody is answered before his change is durable. Questions that many ask at once are
 * grouped in the same way.
 */
export class GroupCommit<Item, Result> {
  readonly #options: GroupCommitOptions<Item, Result>
  #waiting: Waiting<Item, Result>[] = []
  #waitingBytes = 0
  #running: Promise<void> | undefined

  constructor(options: GroupCommitOptions<Item, Result>) {
    this.#options = options
  }

  /** @throws what `full` and `commit` say */
  add(item: Item): Promise<Result> {
    const { itemsWaitingMax, bytesWaitingMax } = this.#options
    const bytes = this.#options.bytesOf(item)
    const isFull =
      this.#waiting.length >= itemsWaitingMax || this.#waitingBytes + bytes > bytesWaitingMax
    if (isFull) return Promise.reject(this.#options.full())
    this.#waitingBytes += bytes
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, bytes, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Waits until nothing waits. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    // What arrives in the same turn belongs to the same transaction.
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup()
      const startedMs = performance.now()
      await this.#commitGroup(group)
      if (group.length > 1) await this.#gather(performance.now() - startedMs)
    }
    this.#running = undefined
  }

  /** Who came with others is followed by others: they share one commit instead of several. */
  async #gather(lastMs: number): Promise<void> {
    const { gatherMsMax = 0, itemsPerCommitMax } = this.#options
    const ms = Math.min(gatherMsMax, lastMs)
    if (ms < 1 || this.#waiting.length >= itemsPerCommitMax) return
    await new Promise((resolve) => {
      setTimeout(resolve, ms)
    })
  }

  #takeGroup(): readonly Waiting<Item, Result>[] {
    const { itemsPerCommitMax, bytesPerCommitMax } = this.#options
    let count = 0
    let bytes = 0
    for (const one of this.#waiting) {
      if (count >= itemsPerCommitMax || (count > 0 && bytes + one.bytes > bytesPerCommitMax)) break
      bytes += one.bytes
      count += 1
    }
    const group = this.#waiting.slice(0, count)
    this.#waiting = this.#waiting.slice(count)
    this.#waitingBytes -= bytes
    return group
  }

  async #commitGroup(group: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#options.commit(group.map(({ item }) => item))
      for (const [at, one] of group.entries()) one.resolve(results[at] as Result)
    } catch (error) {
      for (const one of group) one.reject(error)
    }
  }
}
