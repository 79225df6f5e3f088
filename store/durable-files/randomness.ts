import { randomBytes } from 'node:crypto'
import { limits } from '../limits.ts'

/** Where random bytes come from; a simulation passes a seeded one. */
export interface Randomness {
  bytes(count: number): Uint8Array
}

/** The operating system's generator. */
export const nodeRandomness: Randomness = { bytes: (count) => randomBytes(count) }

const pattern = new RegExp(`^\\.lw-[0-9a-f]{${limits.temporaryNameBytes * 2}}\\.tmp$`)

/** A name that nobody can guess, so that nobody can put something there before us (S52). */
export function temporaryName(randomness: Randomness = nodeRandomness): string {
  const bytes = randomness.bytes(limits.temporaryNameBytes)
  return `.lw-${Buffer.from(bytes).toString('hex')}.tmp`
}

/** Whether a name is one of ours for work under way: after a crash such names may be removed. */
export function isTemporaryName(name: string): boolean {
  return pattern.test(name)
}
