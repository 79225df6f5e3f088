/**
 * Runs work over items with at most `limit` under way. After the first failure nothing new starts;
 * it is thrown when all that was under way has ended, so that nothing goes on behind the caller.
 */
export async function inParallel<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = []
  let running = 0
  let wake: (() => void) | undefined
  const end = (): void => {
    running--
    wake?.()
  }
  const fail = (error: unknown): void => {
    failures.push(error)
    end()
  }
  // One waiter that each end wakes: a race of all that run would cost more with each of them.
  const nextEnd = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve
    })
  try {
    for await (const item of items) {
      const task = work(item)
      running++
      task.then(end, fail)
      if (running >= limit) await nextEnd()
      if (failures.length > 0) break
    }
  } finally {
    while (running > 0) await nextEnd()
  }
  if (failures.length > 0) throw failures[0]
}
