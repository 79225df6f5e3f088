import { type ProxiedChannel, SingleFlight } from '../channels/index.ts'
import type { ProxyContext } from '../context.ts'
import { discard } from '../upstream/index.ts'
import { type Asker, etagOf, isOpen } from './asker.ts'

/** Whether a path of a channel is that of a bundle that the proxy made itself. */
export type IsOwnBundle = (channel: ProxiedChannel, rest: string) => boolean

/** Decides who gets what is cached; the origin's word is the only one that counts. */
export class Authorisation {
  readonly #context: ProxyContext
  readonly #isOwn: IsOwnBundle
  readonly #proofs = new SingleFlight<boolean>()

  constructor(context: ProxyContext, isOwn: IsOwnBundle) {
    this.#context = context
    this.#isOwn = isOwn
  }

  /** Whether what the origin said lately covers this asker and path. */
  isGranted(asker: Asker): boolean {
    const { channel, reader, target } = asker
    const nowMs = this.#context.clock.now()
    if (isOpen(asker) && !channel.poll.isRecent(nowMs)) return false
    if (channel.grants.hold(reader, target.rest, nowMs)) return true
    // Of what everybody may read, everybody may have the differences.
    return isOpen(asker) && this.#isOwn(channel, target.rest)
  }

  /** Asks the origin where nothing covers it, once for all who ask alike. */
  async authorise(asker: Asker): Promise<boolean> {
    const { channel, reader, target } = asker
    const { clock } = this.#context
    if (this.isGranted(asker)) return true
    if (isOpen(asker) && !channel.poll.isRecent(clock.now())) {
      await channel.poll.refresh(() => clock.now())
      if (this.isGranted(asker)) return true
    }
    return this.#proofs.run(`${channel.url} ${target.rest} ${reader}`, () => this.#prove(asker))
  }

  /** With a condition that every transmitter meets with 304, so that no content crosses. */
  async #prove({ channel, reader, target, credentials, key }: Asker): Promise<boolean> {
    const { clock, measures, upstream } = this.#context
    measures.proofs += 1
    const answer = await upstream.ask({
      origin: target.base.origin,
      path: target.path,
      method: 'GET',
      lane: 'requests',
      fields: { ...credentials, 'if-none-match': etagOf(key), range: 'bytes=0-0' },
    })
    if (answer.status === 304 || answer.status === 206) answer.body.resume()
    else discard(answer.body)
    const isGranted = [200, 206, 304, 416].includes(answer.status)
    if (isGranted) channel.grants.note(reader, target.rest, clock.now())
    else channel.grants.refuse(reader, target.rest, answer.status)
    return isGranted
  }
}
