import path from 'node:path'
import { type ChannelName, limits as formatLimits } from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  readFileIfPresent,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import type { TrustFile } from '../../store/server-records/index.ts'
import {
  loadTrustState,
  parseRoot,
  rootVersionOf,
  saveTrustState,
  type TrustState,
} from '../../trust/index.ts'

/**
 * What was verified of one channel, on the disk: the trust state, and every root for ever. It may
 * be ahead of what is served, never behind.
 */
export class TrustFolder {
  readonly directory: string
  readonly #fs: FileSystem

  constructor(options: {
    readonly fs: FileSystem
    /** The repeater's folder. */
    readonly directory: string
    readonly name: ChannelName
  }) {
    this.#fs = options.fs
    this.directory = path.join(options.directory, 'channels', options.name)
  }

  get #file(): string {
    return path.join(this.directory, 'trust.json')
  }

  #root(version: number): string {
    return path.join(this.directory, 'roots', `${version}.root.json`)
  }

  /** @throws LW_TRUST_STATE_DAMAGED */
  load(options: { readonly mustExist: boolean }): Promise<TrustState | undefined> {
    return loadTrustState(this.#fs, this.#file, options)
  }

  /** Keeps a state with the roots that led to it; the roots go first, so that none is ever lost. */
  async save(state: TrustState, newRoots: readonly Uint8Array[]): Promise<void> {
    await ensureDirectory(this.#fs, path.join(this.directory, 'roots'), { mode: 0o700 })
    for (const bytes of newRoots) {
      await writeFileDurably(this.#fs, this.#root(parseRoot(bytes).view.version), bytes)
    }
    await saveTrustState(this.#fs, this.#file, state)
  }

  /** The verified roots above a version, in order. */
  async rootsAbove(version: number, state: TrustState): Promise<readonly TrustFile[]> {
    const files: TrustFile[] = []
    for (let next = version + 1; next <= rootVersionOf(state); next++) {
      const file = this.#root(next)
      const bytes = await readFileIfPresent(this.#fs, file, { bytesMax: formatLimits.rootBytesMax })
      if (bytes === undefined) throw new Error(`the verified root ${next} is gone`)
      files.push({ file: `${next}.root.json`, role: 'root', version: next, bytes })
    }
    return files
  }
}
