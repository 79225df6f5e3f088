/**
 * What a plug-in is written against: a self-contained ES module that exports `update`, and `init`
 * and `close` when it has use for them (docs/plugins.md).
 */
export interface Plugin {
  /** Once, before the first call; a plug-in whose `init` fails is started again later. */
  init?(context: PluginContext): void | Promise<void>
  /** Once for each update request of a tuner, and again for feedback that is still owed. */
  update(
    request: PluginRequest,
    context: PluginCallContext,
  ): PluginAnswer | undefined | Promise<PluginAnswer | undefined>
  /** Before the process ends in good order. */
  close?(context: PluginContext): void | Promise<void>
}

/** One update request. */
export interface PluginRequest {
  /** The tuner's id for this channel, 64 hexadecimal digits. */
  readonly tuner: string
  /** The release that the tuner holds; 0 before the first. */
  readonly release: number
  /** The release that it is about to get. */
  readonly head: number
  /** The tuner's standard UTC offset. */
  readonly zoneMinutes: number
  /**
   * Feedback of this tuner that the plug-in has not acknowledged by returning: each entry arrives
   * at least once. `context.transaction` makes that exactly once.
   */
  readonly feedback: readonly PluginFeedback[]
  /**
   * The update went on without the plug-in, and only its feedback is handed over now: what is
   * returned reaches nobody.
   */
  readonly isRedelivery: boolean
}

/** One entry of feedback. */
export interface PluginFeedback {
  /** The same however often the entry is handed over, and never that of another entry. */
  readonly id: string
  readonly tuner: string
  readonly sequence: number
  /** When the channel appended it, by the tuner's clock. */
  readonly at: Date
  readonly received: Date
  /** Media type. */
  readonly type: string
  readonly data: Uint8Array
  text(): string
  json(): unknown
}

/** What a tuner gets; what is left out stays as it is at the tuner. */
export interface PluginAnswer {
  /** Data for the channel, readable there after the update; null takes an earlier reply back. */
  readonly reply?: string | Uint8Array | { readonly type: string; readonly data: unknown } | null
  /**
   * Files that this tuner has beside the release's or in their places, under paths that the
   * release opens to the plug-in. It is the whole list: an empty one takes all back.
   */
  readonly files?: readonly PluginFile[]
}

export interface PluginFile {
  readonly path: string
  readonly data: string | Uint8Array
  /** Media type; by the name's ending when absent. */
  readonly mime?: string
}

/** A value of SQLite; booleans are stored as 0 and 1. */
export type SqlValue = string | number | bigint | boolean | Uint8Array | null
export type SqlRow = Record<string, string | number | Uint8Array | null>

/** A SQLite database. Calls return when they are done; none waits for others. */
export interface PluginDatabase {
  /** Runs statements that take no parameters. */
  exec(sql: string): void
  run(sql: string, ...parameters: readonly SqlValue[]): { readonly changes: number }
  get(sql: string, ...parameters: readonly SqlValue[]): SqlRow | undefined
  all(sql: string, ...parameters: readonly SqlValue[]): SqlRow[]
}

/** What a plug-in has for as long as it runs. */
export interface PluginContext {
  readonly channel: { readonly name: string; readonly id: string }
  /** What the transmitter's administrator set for this plug-in. */
  readonly settings: Readonly<Record<string, string>>
  /** A folder of its own, which stays from release to release. */
  readonly directory: string
  /** Its own database in that folder. */
  readonly database: PluginDatabase
  /** Opens another SQLite file. */
  openDatabase(file: string, options?: { readonly isReadOnly?: boolean }): PluginDatabase
  /** Goes to the transmitter's log. */
  log(text: string): void
}

export interface PluginCallContext extends PluginContext {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  /**
   * Runs work in one transaction of the plug-in's database, with those entries of this request
   * that no transaction has committed before: what is written here is written exactly once for
   * each entry, whatever is handed over again. Transactions run one after the other.
   */
  transaction<T>(
    work: (database: PluginDatabase, entries: readonly PluginFeedback[]) => T | Promise<T>,
  ): Promise<T>
}

/** Gives a plug-in its types: `export default definePlugin({ update(request) { … } })`. */
export function definePlugin(plugin: Plugin): Plugin {
  return plugin
}
