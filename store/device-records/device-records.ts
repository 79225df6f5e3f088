/** How a change is written. */
export interface WriteRecordOptions {
  /**
   * Whether the change survives a power cut once the call returns; true unless said otherwise.
   * Either way it survives the end of the process.
   */
  readonly sync?: boolean
}

export interface RecordRange {
  readonly prefix?: string
  /** Only keys behind this one. */
  readonly after?: string
  readonly countMax?: number
  /** Last first. */
  readonly isReversed?: boolean
}

export interface RecordEntry<Value> {
  readonly key: string
  readonly value: Value
}

/** One change of a batch, made by the space that it concerns. */
export type RecordChange =
  | { readonly type: 'put'; readonly storedKey: string; readonly json: string }
  | { readonly type: 'delete'; readonly storedKey: string }

/** The records of one kind. Keys are ordered by their UTF-8 bytes. */
export interface RecordSpace<Value> {
  get(key: string): Promise<Value | undefined>
  put(key: string, value: Value, options?: WriteRecordOptions): Promise<void>
  /** What is not there is no error. */
  delete(key: string, options?: WriteRecordOptions): Promise<void>
  /** The records as they are when it begins. */
  iterate(range?: RecordRange): AsyncIterable<RecordEntry<Value>>
  putting(key: string, value: Value): RecordChange
  deleting(key: string): RecordChange
}

/**
 * What a tuner, proxy or repeater keeps: JSON values in spaces, owned by one process. What is
 * found damaged is refused with LW_STORE_RECORDS_DAMAGED and never answered.
 */
export interface DeviceRecords extends AsyncDisposable {
  /** @param parse checks a value that was read; its failure is the caller's */
  space<Value>(name: string, parse?: (value: unknown) => Value): RecordSpace<Value>
  /** Makes changes in several spaces at once, all or none. */
  batch(changes: readonly RecordChange[], options?: WriteRecordOptions): Promise<void>
  /** Waits for what is being written. */
  close(): Promise<void>
}

/** A key for a number, so that keys are in the order of the numbers. */
export function numberKey(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError('not a number for a key')
  return String(value).padStart(16, '0')
}
