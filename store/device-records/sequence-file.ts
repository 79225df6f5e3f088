import path from 'node:path'
import { isLongwaveError } from '../../protocol/index.ts'
import {
  type FileHandle,
  type FileSystem,
  readFileIfPresent,
  writeFileDurably,
} from '../durable-files/index.ts'
import { damage } from './sealed-values.ts'

/**
 * The number of the last batch that was made durable, kept outside the database: a database whose
 * log lost its end is consistent in itself, only older. Written after each such batch without an
 * fsync of its own, so it never runs ahead of what is durable.
 */
export class SequenceFile {
  readonly #fs: FileSystem
  readonly #file: string
  #handle: FileHandle | undefined

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs
    this.#file = path.join(directory, 'sequence')
  }

  /** @throws LW_STORE_RECORDS_DAMAGED when the file is not one of ours */
  async load(): Promise<number | undefined> {
    const bytes = await this.#read()
    if (bytes === undefined) return undefined
    const text = bytes.toString('latin1')
    if (!/^\d{16}$/.test(text)) throw damage('Their sequence file was altered.')
    return Number(text)
  }

  async #read(): Promise<Buffer | undefined> {
    try {
      return await readFileIfPresent(this.#fs, this.#file, { bytesMax: 64 })
    } catch (error) {
      const isAltered =
        isLongwaveError(error, 'LW_STORE_LIMIT') || isLongwaveError(error, 'LW_STORE_NOT_A_FILE')
      throw isAltered ? damage('Their sequence file was altered.', error) : error
    }
  }

  async create(): Promise<void> {
    await writeFileDurably(this.#fs, this.#file, encode(0), { mode: 0o600 })
  }

  async write(sequence: number): Promise<void> {
    this.#handle ??= await this.#fs.open(this.#file, 'r+')
    await this.#handle.write(encode(sequence), 0)
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }
}

function encode(sequence: number): Buffer {
  return Buffer.from(String(sequence).padStart(16, '0'))
}
