import type { Selectable } from 'kysely'
import { type ChannelName, digestFromBytes } from '../../protocol/index.ts'
import { limits } from '../limits.ts'
import { findChannelId } from './channel-records.ts'
import { appendFeedback } from './feedback-append.ts'
import type { FeedbackCounts, FeedbackRecord, FeedbackRecords, StreamMark } from './feedback-log.ts'
import {
  type Reading,
  type RecordsDatabase,
  runPrepared,
  type Writing,
} from './records-database.ts'
import { bytesOfDigest } from './rows.ts'
import type { FeedbackTable } from './schema.ts'

export function createFeedbackRecords(database: RecordsDatabase): FeedbackRecords {
  const { reader } = database
  return {
    append: (batches, bounds) => database.transaction((tx) => appendFeedback(tx, batches, bounds)),
    async list(channel, { after, countMax }) {
      const id = await findChannelId(reader, channel)
      if (id === undefined) return []
      const rows = await reader
        .selectFrom('feedback')
        .selectAll()
        .where('channel', '=', id)
        .where('position', '>', after)
        .orderBy('position')
        .limit(Math.min(countMax, limits.feedbackReadMax))
        .execute()
      return rows.map(recordOf)
    },
    async undelivered(channel, { tuners, countMax }) {
      const id = await findChannelId(reader, channel)
      if (id === undefined) return []
      let query = reader
        .selectFrom('feedback_streams as s')
        .innerJoin('feedback as f', (join) =>
          join
            .onRef('f.channel', '=', 's.channel')
            .onRef('f.tuner', '=', 's.tuner')
            .onRef('f.epoch', '=', 's.epoch')
            .onRef('f.sequence', '>', 's.delivered'),
        )
        .selectAll('f')
        .where('s.channel', '=', id)
        .whereRef('s.delivered', '<', 's.sequence')
      if (tuners !== undefined) query = query.where('s.tuner', 'in', tuners.map(bytesOfDigest))
      const rows = await query
        .orderBy('f.position')
        .limit(Math.min(countMax, limits.feedbackReadMax))
        .execute()
      return rows.map(recordOf)
    },
    setDelivered: (marks) => database.transaction((tx) => setMarks(tx, marks)),
    counts: (channel) => countsOf(reader, channel),
  }
}

const markText =
  'update feedback_streams set delivered = ?' +
  ' where channel = ? and tuner = ? and epoch = ? and delivered < ?'

async function setMarks(
  tx: Writing,
  marks: readonly (StreamMark & { readonly channel: ChannelName })[],
): Promise<void> {
  const ids = new Map<ChannelName, number | undefined>()
  for (const mark of marks) {
    if (!ids.has(mark.channel)) ids.set(mark.channel, await findChannelId(tx, mark.channel))
    const id = ids.get(mark.channel)
    if (id === undefined) continue
    const { sequence } = mark
    const stream = [id, bytesOfDigest(mark.tuner), Buffer.from(mark.epoch, 'hex')]
    await runPrepared(tx, markText, [sequence, ...stream, sequence])
  }
}

async function countsOf(reader: Reading, channel: ChannelName): Promise<FeedbackCounts> {
  const id = await findChannelId(reader, channel)
  if (id === undefined) return { entries: 0, undelivered: 0, bytes: 0 }
  const head = await reader
    .selectFrom('feedback_heads')
    .select(['position', 'bytes'])
    .where('channel', '=', id)
    .executeTakeFirst()
  const owed = await reader
    .selectFrom('feedback_streams')
    .select(({ fn, eb }) => fn.sum<number>(eb('sequence', '-', eb.ref('delivered'))).as('sum'))
    .where('channel', '=', id)
    .whereRef('delivered', '<', 'sequence')
    .executeTakeFirst()
  return {
    entries: head?.position ?? 0,
    undelivered: Number(owed?.sum ?? 0),
    bytes: head?.bytes ?? 0,
  }
}

function recordOf(row: Selectable<FeedbackTable>): FeedbackRecord {
  return {
    position: row.position,
    tuner: digestFromBytes(row.tuner),
    epoch: Buffer.from(row.epoch).toString('hex'),
    sequence: row.sequence,
    nonce: Buffer.from(row.nonce).toString('hex'),
    appendedAtMs: row.appended_at,
    receivedAtMs: row.received_at,
    type: row.type,
    data: row.data,
  }
}
