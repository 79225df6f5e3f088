import { type ChannelName, updateError } from '../../protocol/index.ts'
import { GroupCommit } from '../../store/group-commit/index.ts'
import type {
  AppendOutcome,
  FeedbackBatch,
  ServerRecords,
  StreamMark,
} from '../../store/server-records/index.ts'
import { bytesOfBatch, type FeedbackRoom } from './feedback-room.ts'
import { feedbackLimits as limits } from './limits.ts'

/** What a plug-in has had of one stream of one channel. */
export type DeliveredMark = StreamMark & { readonly channel: ChannelName }

/** What became of a batch that there was room for. */
export type LogOutcome = Exclude<AppendOutcome, { outcome: 'full' }>

/** The feedback logs of all channels: every entry once, durable before it is acknowledged. */
export class FeedbackLog {
  readonly #appends: GroupCommit<FeedbackBatch, AppendOutcome>
  readonly #marks: GroupCommit<DeliveredMark, undefined>
  readonly room: FeedbackRoom

  constructor(records: Pick<ServerRecords, 'feedback'>, room: FeedbackRoom) {
    this.room = room
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
      commit: (batches) => records.feedback.append(batches, room.bounds),
      bytesOf: bytesOfBatch,
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

  /** @throws LW_UPDATE_BUSY, LW_FEEDBACK_FULL, LW_STORE_… */
  async append(batch: FeedbackBatch): Promise<LogOutcome> {
    await this.room.admit(batch)
    const outcome = await this.#appends.add(batch)
    const isFull = outcome.outcome === 'full'
    this.room.note(batch.channel, isFull)
    if (isFull) throw this.room.refusal(batch.channel, 'The log of the channel has no room.')
    return outcome
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
