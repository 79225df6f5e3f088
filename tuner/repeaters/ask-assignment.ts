import {
  type Digest,
  isLongwaveError,
  mediaTypes,
  parseDocument,
  repeaterBase,
  SubscriptionDocument,
} from '../../protocol/index.ts'
import type { Transport } from '../../transport/index.ts'
import { repeaterUseLimits as limits } from './limits.ts'

export interface AssignmentAsk {
  /** Channel URL at the origin, or where a proxy stands for it. */
  readonly origin: string
  /** Who the tuner is to this channel. */
  readonly tuner: Digest
  /** Standard UTC offset in minutes. */
  readonly zoneMinutes: number
  /** The repeater in use, and whether it has just failed. */
  readonly held?: string | undefined
  readonly failed?: boolean
  readonly signal?: AbortSignal | undefined
}

/**
 * Asks the origin which repeater to use: its base URL, null for the origin itself; undefined when
 * it does not say, as static sites do not, or cannot be asked.
 */
export async function askAssignment(
  transport: Transport,
  ask: AssignmentAsk,
): Promise<string | null | undefined> {
  const query = new URLSearchParams({ zone: zoneText(ask.zoneMinutes), tuner: ask.tuner })
  if (ask.held !== undefined) query.set('held', ask.held)
  if (ask.failed === true) query.set('failed', '1')
  try {
    const answer = await transport.fetchBytes(`${ask.origin}/subscription?${query}`, {
      headers: { accept: mediaTypes.subscription },
      bytesMax: limits.documentBytesMax,
      acceptStatus: [400, 401, 403, 404, 410],
      timeoutMs: limits.askTimeoutMs,
      signal: ask.signal,
    })
    if (answer.status !== 200) return undefined
    const { repeater } = parseDocument(SubscriptionDocument, answer.bytes)
    return typeof repeater === 'string' ? repeaterBase(repeater) : repeater
  } catch (error) {
    ask.signal?.throwIfAborted()
    if (!isLongwaveError(error)) throw error
    return undefined
  }
}

/** `+05:30`, as manifests write zones. */
export function zoneText(minutes: number): string {
  const apart = Math.abs(minutes)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(apart / 60))}:${two(apart % 60)}`
}
