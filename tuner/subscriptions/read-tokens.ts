import path from 'node:path'
import { canonicalJson, isReadToken, parseCanonicalJson } from '../../protocol/index.ts'
import {
  type FileSystem,
  isErrno,
  readFileIfPresent,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'
import type { Subscription } from './subscription.ts'

const format = 'longwave-read-token-1'
const recordBytesMax = 16 * 1024

/** For whose channel a token is. */
export type TokenHolder = Pick<Subscription, 'id' | 'url'>

interface KeptToken {
  readonly url: string
  readonly token: string
}

/**
 * Read tokens of closed channels: a file of mode 0600 in the folder of each subscription that has
 * one, so that no record, list or answer which shows a subscription can show its token. It is for
 * the origin of the URL that it was given for, and is read once.
 */
export class ReadTokens {
  readonly #fs: FileSystem
  readonly #directoryOf: (id: string) => string
  readonly #known = new Map<string, KeptToken | undefined>()

  constructor(options: { readonly fs: FileSystem; readonly directoryOf: (id: string) => string }) {
    this.#fs = options.fs
    this.#directoryOf = options.directoryOf
  }

  /** The token for this very URL. @throws LW_TUNER_STATE_DAMAGED */
  async find(holder: TokenHolder): Promise<string | undefined> {
    const { id, url } = holder
    if (!this.#known.has(id)) {
      const loaded = await this.#load(holder)
      // One that was kept meanwhile is the newer one.
      if (!this.#known.has(id)) this.#known.set(id, loaded)
    }
    const kept = this.#known.get(id)
    return kept?.url === url ? kept.token : undefined
  }

  /** Keeps a token durably, in the place of another. The subscription's folder is there. */
  async save({ id, url }: TokenHolder, token: string): Promise<void> {
    const bytes = canonicalJson({ format, token, url })
    await writeFileDurably(this.#fs, this.#file(id), bytes, { mode: 0o600 })
    this.#known.set(id, { url, token })
  }

  /** Removes the token for good. */
  async remove(id: string): Promise<void> {
    this.drop(id)
    const file = this.#file(id)
    try {
      await this.#fs.unlink(file)
      await this.#fs.syncDirectory(path.dirname(file))
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error
    }
  }

  /** Forgets what was read, because the folder has changed. */
  drop(id: string): void {
    this.#known.delete(id)
  }

  #file(id: string): string {
    return path.join(this.#directoryOf(id), 'read-token.json')
  }

  async #load({ id, url }: TokenHolder): Promise<KeptToken | undefined> {
    const file = this.#file(id)
    const bytes = await readFileIfPresent(this.#fs, file, { bytesMax: recordBytesMax })
    if (bytes === undefined) return undefined
    try {
      const value = parseCanonicalJson(bytes, { bytesMax: recordBytesMax }) as Partial<
        KeptToken & { readonly format: string }
      >
      if (value.format !== format || !isReadToken(value.token)) throw new TypeError('other format')
      return { url: String(value.url), token: value.token }
    } catch {
      // No cause: it could show what the file has.
      throw tunerError('LW_TUNER_STATE_DAMAGED', {
        detail: `${file} was altered.`,
        untouched: 'What is installed stays as it is.',
        next: `longwave subscribe ${url} --read-token TOKEN`,
      })
    }
  }
}
