import type { Level } from 'level'
import { storeError } from '../errors.ts'
import { limits } from '../limits.ts'
import { fileFailure } from '../durable-files/index.ts'
import type {
  DeviceRecords,
  RecordChange,
  RecordEntry,
  RecordRange,
  RecordSpace,
  WriteRecordOptions,
} from './device-records.ts'
import { levelFailure } from './level-failure.ts'
import { type Seal, encodeSeal, nextSeal, openValue, sealValue } from './sealed-values.ts'
import type { SequenceFile } from './sequence-file.ts'

export type LevelStore = Level<string, string>

/** Before every space: their names begin with a letter. */
export const sealKey = '!seal'

interface OpenedRecords {
  readonly level: LevelStore
  readonly sequenceFile: SequenceFile
  readonly seal: Seal
}

/** Device records over LevelDB, one batch at a time. */
export class LevelRecords implements DeviceRecords {
  readonly #level: LevelStore
  readonly #sequenceFile: SequenceFile
  #seal: Seal
  #writing: Promise<void> = Promise.resolve()
  /** After a failed write nobody knows what is stored; the records must be opened again. */
  #failure: unknown
  #closing: Promise<void> | undefined

  constructor(opened: OpenedRecords) {
    this.#level = opened.level
    this.#sequenceFile = opened.sequenceFile
    this.#seal = opened.seal
  }

  space<Value>(name: string, parse?: (value: unknown) => Value): RecordSpace<Value> {
    if (!/^[a-z][a-z0-9-]{0,63}$/.test(name)) throw new TypeError(`not a space name: ${name}`)
    const check = parse ?? ((value) => value as Value)
    const keyed = (key: string): string => `${name}!${checkedKey(key)}`
    const putting = (key: string, value: Value): RecordChange => ({
      type: 'put',
      storedKey: keyed(key),
      json: jsonOf(value),
    })
    const deleting = (key: string): RecordChange => ({ type: 'delete', storedKey: keyed(key) })
    return {
      get: async (key) => {
        const json = await this.#read(keyed(key))
        return json === undefined ? undefined : check(JSON.parse(json))
      },
      put: (key, value, options) => this.batch([putting(key, value)], options),
      delete: (key, options) => this.batch([deleting(key)], options),
      iterate: (range) => this.#iterate(name, range ?? {}, check),
      putting,
      deleting,
    }
  }

  async #read(key: string): Promise<string | undefined> {
    let stored: string | undefined
    try {
      stored = await this.#level.get(key)
    } catch (error) {
      throw levelFailure(error)
    }
    return stored === undefined ? undefined : openValue(key, stored)
  }

  async *#iterate<Value>(
    name: string,
    range: RecordRange,
    check: (value: unknown) => Value,
  ): AsyncGenerator<RecordEntry<Value>> {
    const start = `${name}!`
    const prefix = start + (range.prefix ?? '')
    const after = range.after === undefined ? undefined : start + range.after
    const iterator = this.#level.iterator({
      ...(after !== undefined && after >= prefix ? { gt: after } : { gte: prefix }),
      // Above every character that a key may have.
      lt: `${prefix}\u{10ffff}`,
      reverse: range.isReversed ?? false,
      ...(range.countMax === undefined ? {} : { limit: range.countMax }),
    })
    try {
      for await (const [key, stored] of iterator) {
        const value = check(JSON.parse(openValue(key, stored)))
        yield { key: key.slice(start.length), value }
      }
    } catch (error) {
      throw levelFailure(error)
    }
  }

  batch(changes: readonly RecordChange[], options: WriteRecordOptions = {}): Promise<void> {
    if (changes.length > limits.recordBatchMax) {
      return Promise.reject(storeError('LW_STORE_LIMIT', { detail: 'The batch is too long.' }))
    }
    const done = this.#writing.then(() => this.#write(changes, options.sync ?? true))
    // The next write waits for this one, whether it fails or not.
    this.#writing = done.catch(() => undefined)
    return done
  }

  async #write(changes: readonly RecordChange[], sync: boolean): Promise<void> {
    if (this.#failure !== undefined) {
      throw storeError('LW_STORE_IO', {
        detail: 'An earlier write of records failed.',
        next: 'Start again: the records are checked when they are opened.',
        cause: this.#failure,
      })
    }
    if (changes.length === 0) return
    // Of several changes of one key only the last counts.
    const last = new Map(changes.map((change) => [change.storedKey, change]))
    const keys = [...last.keys()]
    try {
      const before = await this.#level.getMany(keys)
      const after = keys.map((key) => storedOf(last.get(key)))
      const seal = nextSeal(
        this.#seal,
        keys.map((_, at) => ({ before: before[at], after: after[at] })),
      )
      await this.#level.batch(
        [
          ...keys.map((key, at) => operation(key, after[at])),
          operation(sealKey, sealValue(sealKey, encodeSeal(seal))),
        ],
        { sync },
      )
      this.#seal = seal
      if (sync) await this.#sequenceFile.write(seal.sequence)
    } catch (error) {
      this.#failure = error
      throw fileFailure(levelFailure(error), 'records were being written')
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#writing.then(async () => {
      await this.#level.close()
      await this.#sequenceFile.close()
    })
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function operation(
  key: string,
  value: string | undefined,
): { type: 'put'; key: string; value: string } | { type: 'del'; key: string } {
  return value === undefined ? { type: 'del', key } : { type: 'put', key, value }
}

function storedOf(change: RecordChange | undefined): string | undefined {
  return change?.type === 'put' ? sealValue(change.storedKey, change.json) : undefined
}

function checkedKey(key: string): string {
  if (key.length > limits.recordKeyCharactersMax || !key.isWellFormed()) {
    throw storeError('LW_STORE_LIMIT', {
      detail: 'The key of a record is too long or not Unicode.',
    })
  }
  return key
}

function jsonOf(value: unknown): string {
  const json: string | undefined = JSON.stringify(value)
  if (json === undefined) throw new TypeError('a record must be a JSON value')
  if (json.length > limits.recordBytesMax) {
    throw storeError('LW_STORE_LIMIT', { detail: 'A record is too large.' })
  }
  // Lone surrogates are escaped by JSON.stringify, so the text is UTF-8 both ways.
  return json
}
