/** One thing at a time for each key: operations on one subscription never overlap. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  isBusy(key: string): boolean {
    return this.#last.has(key)
  }

  /** Runs work after whatever was asked for this key before has ended, well or not. */
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve()
    const turn = before.then(work, work)
    const settled = turn.then(
      () => undefined,
      () => undefined,
    )
    this.#last.set(key, settled)
    void settled.then(() => {
      if (this.#last.get(key) === settled) this.#last.delete(key)
    })
    return turn
  }
}
