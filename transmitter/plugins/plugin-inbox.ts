import type { ChannelName, Digest } from '../../protocol/index.ts'
import { GroupCommit } from '../../store/group-commit/index.ts'
import type { FeedbackRecord, ServerRecords } from '../../store/server-records/index.ts'
import { pluginError } from './errors.ts'
import { pluginLimits as limits } from './limits.ts'
import { type PluginSettings, pluginSettings } from './plugin-settings.ts'

/** An entry that a plug-in has not had yet. */
export type OwedEntry = Omit<FeedbackRecord, 'position' | 'nonce'>

interface OwedQuestion {
  readonly channel: ChannelName
  readonly tuner: Digest
}

type Records = Pick<ServerRecords, 'feedback' | 'settings'>

/**
 * What is read for every update request of a channel with a plug-in. Requests that come together
 * share one question to the records, which begins after the last of them came.
 */
export class PluginInbox {
  readonly #records: Records
  readonly #owed: GroupCommit<OwedQuestion, readonly FeedbackRecord[]>
  readonly #settings: GroupCommit<ChannelName, PluginSettings>

  constructor(records: Records) {
    this.#records = records
    const bounds = {
      itemsPerCommitMax: limits.questionsPerReadMax,
      bytesPerCommitMax: Number.POSITIVE_INFINITY,
      itemsWaitingMax: limits.callsWaitingMax,
      bytesWaitingMax: Number.POSITIVE_INFINITY,
      bytesOf: () => 0,
      full: () => pluginError('LW_PLUGIN_BUSY'),
    }
    this.#owed = new GroupCommit({ ...bounds, commit: (questions) => this.#read(questions) })
    this.#settings = new GroupCommit({ ...bounds, commit: (names) => this.#readSettings(names) })
  }

  /** What the administrator decided. @throws LW_PLUGIN_BUSY, LW_STORE_… */
  settings(channel: ChannelName): Promise<PluginSettings> {
    return this.#settings.add(channel)
  }

  /** A tuner's entries that the plug-in has not had yet, in order. @throws LW_PLUGIN_BUSY, LW_STORE_… */
  owed(channel: ChannelName, tuner: Digest): Promise<readonly FeedbackRecord[]> {
    return this.#owed.add({ channel, tuner })
  }

  async #readSettings(names: readonly ChannelName[]): Promise<readonly PluginSettings[]> {
    const read = new Map<ChannelName, PluginSettings>()
    for (const name of new Set(names)) read.set(name, await pluginSettings(this.#records, name))
    return names.map((name) => read.get(name) ?? { isAllowed: false, settings: {} })
  }

  async #read(questions: readonly OwedQuestion[]): Promise<readonly (readonly FeedbackRecord[])[]> {
    const answers = new Map<string, readonly FeedbackRecord[]>()
    for (const channel of new Set(questions.map((question) => question.channel))) {
      const asked = questions.filter((question) => question.channel === channel)
      const tuners = [...new Set(asked.map(({ tuner }) => tuner))]
      for (const [tuner, records] of await this.#ofTuners(channel, tuners)) {
        answers.set(`${channel}.${tuner}`, records)
      }
    }
    return questions.map(({ channel, tuner }) => answers.get(`${channel}.${tuner}`) ?? [])
  }

  async #ofTuners(
    channel: ChannelName,
    tuners: readonly Digest[],
  ): Promise<ReadonlyMap<Digest, readonly FeedbackRecord[]>> {
    const { feedback } = this.#records
    const countMax = limits.entriesPerCallMax
    const byTuner = new Map<Digest, FeedbackRecord[]>()
    const all = await feedback.undelivered(channel, { tuners, countMax })
    if (all.length >= countMax && tuners.length > 1) {
      // Somebody has much: each for himself, so that nobody's entries are cut off by another's.
      for (const tuner of tuners) {
        byTuner.set(tuner, [
          ...(await feedback.undelivered(channel, { tuners: [tuner], countMax })),
        ])
      }
      return byTuner
    }
    for (const record of all) {
      const known = byTuner.get(record.tuner)
      if (known === undefined) byTuner.set(record.tuner, [record])
      else known.push(record)
    }
    return byTuner
  }
}
