export type Verdict = 'ok' | 'warn' | 'bad'

/** What a look at one thing found, and what helps. */
export interface Finding {
  readonly check: string
  readonly verdict: Verdict
  readonly text: string
  readonly remedy?: string
}
