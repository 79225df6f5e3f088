interface Task {
  readonly timer: NodeJS.Timeout
  running: Promise<void> | undefined
}

/** Work that is done again and again, each kind never twice at a time. */
export class PeriodicWork {
  readonly #tasks: Task[] = []
  readonly #onFailure: (error: unknown) => void
  #isStopped = false

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure
  }

  every(intervalMs: number, work: () => Promise<unknown>): void {
    const run = async (): Promise<void> => {
      try {
        await work()
      } catch (error) {
        if (!this.#isStopped) this.#onFailure(error)
      }
    }
    const task: Task = {
      running: undefined,
      timer: setInterval(() => {
        task.running ??= run().finally(() => {
          task.running = undefined
        })
      }, intervalMs),
    }
    task.timer.unref()
    this.#tasks.push(task)
  }

  /** Begins nothing more and waits for what runs. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const { timer } of this.#tasks) clearInterval(timer)
    for (const { running } of this.#tasks) await running
  }
}
