import { setTimeout as pause } from 'node:timers/promises'
import type { Session } from '../session.ts'

const asksMax = 40
const askEveryMs = 200

/**
 * Waits until the transmitter has made the differences between two releases, as hours between a
 * publish and a tuner's schedule do in life; gives up soon on a machine that has other work.
 * @returns whether there is something to wait for no longer
 */
export async function untilBundle(
  session: Session,
  bundle: { readonly channel: string; readonly from: number; readonly to: number },
): Promise<boolean> {
  const url = `${bundle.channel}/deltas/${bundle.from}..${bundle.to}`
  const transport = session.transport()
  for (let ask = 1; ask <= asksMax; ask++) {
    const { status } = await transport.fetchBytes(url, {
      bytesMax: 64 * 1024,
      signal: session.signal,
    })
    if (status !== 202) return true
    await pause(askEveryMs, undefined, { signal: session.signal })
  }
  return false
}
