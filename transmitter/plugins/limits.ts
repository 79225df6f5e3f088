const mebibyte = 1024 * 1024

/** Limits of plug-ins (docs/limits.md). */
export const pluginLimits = {
  /** Characters of a module. */
  moduleBytesMax: 4 * mebibyte,
  /** JavaScript heap of a plug-in's process, and all of its memory. */
  heapMebibytes: 128,
  memoryBytesMax: 512 * mebibyte,
  /** How long loading and `init` may take. */
  startMs: 10_000,
  /** How long one call may take, and how long an update's answer waits for it at most. */
  callMs: 2_000,
  answerWaitMs: 3_000,
  /** How long a transaction may go on after a call was given up while it was under way. */
  transactionGraceMs: 2_000,
  /** A process whose event loop does not answer for so long is killed. */
  pongMs: 1_000,
  /** How long a process may take to end when it is replaced or the transmitter stops. */
  stopMs: 3_000,
  /**
   * Calls that are under way in one process: more as long as they return quickly, since what a
   * plug-in writes for several becomes durable at once.
   */
  callsAtOnce: 16,
  callsAtOnceMax: 128,
  quickCallMs: 100,
  /** Calls that wait for a process, and that were given up on in it. */
  callsWaitingMax: 20_000,
  abandonedMax: 128,
  /** Calls given up on one after the other without one that returned: it is stuck, and killed. */
  abandonedInRowMax: 16,
  /** Pauses before a process that fell is started again: doubled each time, up to the second. */
  restartBaseMs: 500,
  restartCapMs: 60_000,
  /** A process that lived for so long has made good for earlier falls. */
  soundAfterMs: 60_000,
  /** Bytes of one message between the transmitter and a plug-in, either way. */
  messageBytesMax: 32 * mebibyte,
  /** Lines of output that are logged in a window, and their length; more is dropped and counted. */
  logLinesMax: 200,
  logWindowMs: 10_000,
  logLineCharactersMax: 2_000,
  /** Update requests whose entries are read with one question. */
  questionsPerReadMax: 100,
  /** A warning that every request may repeat is logged once in so long, for so many channels. */
  warningWindowMs: 10_000,
  warningsKept: 10_000,
  /** Entries and bytes of one call. */
  entriesPerCallMax: 1_000,
  entryBytesPerCallMax: 8 * mebibyte,
  /** How often what is owed to plug-ins is looked for, and the pause after a failed delivery. */
  redeliverEveryMs: 5_000,
  redeliverBaseMs: 5_000,
  redeliverCapMs: 3600_000,
  /** Failures with a tuner's feedback after which its requests go without it meanwhile. */
  failuresBeforeRest: 3,
  restingTunersMax: 10_000,
  /** Settings of one plug-in. */
  settingsCharactersMax: 64 * 1024,
} as const

/** Times of plug-ins that an embedding program may set otherwise; milliseconds. */
export type PluginTimes = Readonly<
  Record<
    | 'startMs'
    | 'callMs'
    | 'answerWaitMs'
    | 'pongMs'
    | 'restartBaseMs'
    | 'redeliverEveryMs'
    | 'redeliverBaseMs',
    number
  >
>
