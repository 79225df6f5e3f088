import { ExitCode } from '../protocol/index.ts'
import type { Subscription, TunerOperations } from '../tuner/index.ts'
import { reportFailure } from './failure/index.ts'
import type { Session } from './session.ts'
import { selectSubscriptions } from './tuner-session.ts'

/** What `eachSubscription` takes. */
export interface EachSubscription {
  readonly tuner: TunerOperations
  /** A name, URL, folder or id; all subscriptions without one. */
  readonly word: string | undefined
  /** Does one; what it returns is an exit code, ok when undefined. */
  readonly work: (subscription: Subscription) => Promise<number | undefined>
  /** Told of one that failed, or whose record cannot be read, before its error is. */
  readonly onFailure?: (name: string) => void
}

/**
 * Works for each subscription that a word means. One that fails is reported and takes nothing from
 * the others, and neither does one whose record cannot be read.
 * @returns ok; the code of the first failure when nothing went well; else 3, partly done
 */
export async function eachSubscription(session: Session, each: EachSubscription): Promise<number> {
  const { tuner, word, work, onFailure } = each
  const chosen = await selectSubscriptions(session, tuner, word)
  let count = 0
  const codes: number[] = []
  const fail = (name: string, error: unknown): void => {
    onFailure?.(name)
    session.output.note(`${name}:`)
    codes.push(reportFailure(session.output, error))
  }
  for (const subscription of chosen) {
    count++
    try {
      const code = (await work(subscription)) ?? ExitCode.ok
      if (code !== ExitCode.ok) codes.push(code)
    } catch (error) {
      session.signal.throwIfAborted()
      if (chosen.length === 1 && word !== undefined) throw error
      fail(subscription.name, error)
    }
  }
  for (const { id, error } of word === undefined ? await tuner.damaged() : []) {
    count++
    fail(id, error)
  }
  return sumOf(codes, count)
}

/** One code for several outcomes: that of the first failure when nothing went well, else 3. */
export function sumOf(codes: readonly number[], count: number): number {
  const [first] = codes
  if (first === undefined) return ExitCode.ok
  return codes.length === count ? first : ExitCode.partial
}
