import { randomBytes } from 'node:crypto'
import { digestOf, tunerHeader, type UpdateAnswer } from '../../protocol/index.ts'
import { createTunerIdentity, signRequest, type TunerIdentity } from '../../trust/index.ts'
import type { Transport } from '../../transport/index.ts'

/** The wire side of a tuner without a disk: for many of them at once. */
export class UpdateClient {
  readonly identity: TunerIdentity = createTunerIdentity()
  readonly epoch = randomBytes(16).toString('hex')
  readonly #transport: Transport
  readonly #url: string
  readonly #authorization: { readonly authorization?: string }
  readonly #entries: object[] = []
  #channel: string | undefined

  constructor(options: {
    readonly transport: Transport
    readonly url: string
    /** Opens a closed channel. */
    readonly authorization?: string
  }) {
    const { authorization } = options
    this.#authorization = authorization === undefined ? {} : { authorization }
    this.#transport = options.transport
    this.#url = options.url
  }

  append(...texts: readonly string[]): void {
    for (const text of texts) {
      this.#entries.push({
        sequence: this.#entries.length + 1,
        nonce: randomBytes(8).toString('hex'),
        at: new Date().toISOString(),
        type: 'text/plain',
        data: Buffer.from(text).toString('base64'),
      })
    }
  }

  /** Sends entries `from` to `to` by number; all of them by default, none when there are none. */
  async post(from = 1, to = this.#entries.length): Promise<UpdateAnswer | undefined> {
    this.#channel ??= await this.#askChannel()
    const entries = this.#entries.slice(from - 1, to)
    const body = Buffer.from(
      JSON.stringify({
        format: 'longwave-update-1',
        channel: this.#channel,
        request: randomBytes(16).toString('hex'),
        tuner: this.identity.tunerId,
        manifest: null,
        release: 0,
        rootVersion: 0,
        zoneMinutes: 60,
        formats: [],
        ...(entries.length === 0 ? {} : { feedback: { epoch: this.epoch, entries } }),
      }),
    )
    const answer = await this.#transport.fetchBytes(`${this.#url}/update`, {
      method: 'POST',
      idempotent: true,
      body,
      headers: {
        'content-type': 'application/json',
        [tunerHeader]: signRequest(body, this.identity.keys),
      },
      bytesMax: 8 * 1024 * 1024,
      ...this.#authorization,
    })
    return answer.status === 204 ? undefined : JSON.parse(answer.bytes.toString('utf8'))
  }

  async #askChannel(): Promise<string> {
    const root = await this.#transport.fetchBytes(`${this.#url}/trust/1.root.json`, {
      bytesMax: 64 * 1024,
      ...this.#authorization,
    })
    return digestOf(root.bytes)
  }
}
