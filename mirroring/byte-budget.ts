/** Memory that several transfers share: who needs more than is left waits for its turn. */
export class ByteBudget {
  readonly #bytesMax: number
  readonly #waiting: { readonly bytes: number; readonly go: () => void }[] = []
  #taken = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Runs work once the budget has room; a need beyond the whole budget counts as all of it. */
  async hold<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const need = Math.min(bytes, this.#bytesMax)
    await this.#take(need)
    try {
      return await work()
    } finally {
      this.#taken -= need
      this.#admit()
    }
  }

  #take(bytes: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ bytes, go: resolve })
      this.#admit()
    })
  }

  #admit(): void {
    for (;;) {
      const [next] = this.#waiting
      if (next === undefined || this.#taken + next.bytes > this.#bytesMax) return
      this.#waiting.shift()
      this.#taken += next.bytes
      next.go()
    }
  }
}
