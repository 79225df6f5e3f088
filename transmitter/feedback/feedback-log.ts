import { type ChannelName, updateError } from '../../protocol/index.ts'
import { GroupCommit } from '../../store/group-commit/index.ts'
import type {
  AppendOutcome,
  FeedbackBatch,
  ServerRecords,
  StreamMark,
} from '../../store/server-records/index.ts'
import { feedbackLimits as limits } from './limits.ts'

/** What a plug-in has had of one stream of one channel. */
export type DeliveredMark = StreamMark & { readonly channel: ChannelName }

/** The feedback logs of all channels: every entry once, durable before it is acknowledged. */
export class FeedbackLog {
  readonly #appends: GroupCommit<FeedbackBatch, AppendOutcome>
  readonly #marks: GroupCommit<DeliveredMark, undefined>

  constructor(records: Pick<ServerRecords, 'feedback'>) {
    const bounds = {
      itemsPerCommitMax: limits.batchesPerCommitMax,
      bytesPerCommitMax: limits.bytesPerCommitMax,
      gatherMsMax: limits.gatherMsMax,
      itemsWaitingMax: limits.batchesWaitingMax,
      bytesWaitingMax: limits.bytesWaitingMax,
      full: () => updateError('LW_UPDATE_BUSY', { retryAfterSeconds: 2 }),
    }
    this.#appends = new GroupCommit({
      ...bounds,
      commit: (batches) => records.feedback.append(batches),
      bytesOf: (batch) => batch.entries.reduce((sum, entry) => sum + entry.data.byteLength, 256),
    })
    this.#marks = new GroupCommit({
      ...bounds,
      commit: async (marks) => {
        await records.feedback.setDelivered(marks)
        return marks.map(() => undefined)
      },
      bytesOf: () => 256,
    })
  }

  /** @throws LW_UPDATE_BUSY, LW_STORE_… */
  append(batch: FeedbackBatch): Promise<AppendOutcome> {
    return this.#appends.add(batch)
  }

  /** Notes what the plug-in has had, so that it is not handed the same again. */
  async setDelivered(marks: readonly DeliveredMark[]): Promise<void> {
    await Promise.all(marks.map((mark) => this.#marks.add(mark)))
  }

  /** Waits for what is being written. */
  async stop(): Promise<void> {
    await this.#appends.idle()
    await this.#marks.idle()
  }
}
