import type { ChannelName } from '../../protocol/index.ts'
import { storeError } from '../errors.ts'
import { limits } from '../limits.ts'
import type {
  AppendOutcome,
  FeedbackBatch,
  FeedbackBounds,
  FeedbackEntryRecord,
} from './feedback-log.ts'
import { chunksOf, insertRows, type Value, type Writing } from './records-database.ts'
import { bytesOfDigest } from './rows.ts'

/** A stream while its batches are being decided. */
interface Stream {
  readonly channel: number
  readonly tuner: Buffer
  readonly epoch: Buffer
  /** Counts the epochs of a tuner. */
  readonly number: number
  sequence: number
  delivered: number
  changed: boolean
}

interface Channel {
  readonly id: number
  position: number
  bytes: number
  readonly streams: Map<string, Stream>
  /** The newest epoch of each tuner, by its hexadecimal id. */
  readonly newest: Map<string, number>
  /** Tuners of which the plug-in is owed something. */
  readonly owing: Set<string>
}

/** See `FeedbackRecords.append`. */
export async function appendFeedback(
  tx: Writing,
  batches: readonly FeedbackBatch[],
  bounds: FeedbackBounds = unbounded,
): Promise<readonly AppendOutcome[]> {
  const channels = await openChannels(tx, batches)
  const outcomes: AppendOutcome[] = []
  const rows: (readonly Value[])[] = []
  for (const batch of batches) {
    const channel = channels.get(batch.channel)
    if (channel === undefined) throw storeError('LW_STORE_NO_CHANNEL')
    outcomes.push(await take({ tx, bounds, rows }, channel, batch))
  }
  await insertRows(tx, { table: 'feedback', columns: feedbackColumns, rows })
  await saveStreams(tx, channels)
  return outcomes
}

const unbounded: FeedbackBounds = { bytesMax: Infinity, newStreamBytesMax: Infinity }

/** What an entry takes besides its data, about. */
const entryBytes = 256

const feedbackColumns = [
  'channel',
  'position',
  'tuner',
  'epoch',
  'sequence',
  'nonce',
  'appended_at',
  'received_at',
  'type',
  'data',
]

async function openChannels(
  tx: Writing,
  batches: readonly FeedbackBatch[],
): Promise<Map<ChannelName, Channel>> {
  const tuners = new Map<ChannelName, Set<string>>()
  for (const { channel, tuner } of batches) {
    const known = tuners.get(channel)
    if (known === undefined) tuners.set(channel, new Set([tuner]))
    else known.add(tuner)
  }
  const rows = await tx
    .selectFrom('channels as c')
    .leftJoin('feedback_heads as h', 'h.channel', 'c.id')
    .select(['c.id', 'c.name', 'h.position', 'h.bytes'])
    .where('c.name', 'in', [...tuners.keys()])
    .execute()
  const channels = new Map<ChannelName, Channel>()
  for (const row of rows) {
    const channel: Channel = {
      id: row.id,
      position: row.position ?? 0,
      bytes: row.bytes ?? 0,
      streams: new Map(),
      newest: new Map(),
      owing: new Set(),
    }
    channels.set(row.name as ChannelName, channel)
    const ids = [...(tuners.get(row.name as ChannelName) ?? [])]
    for (const part of chunksOf(ids, limits.rowsPerStatement)) await openStreams(tx, channel, part)
  }
  return channels
}

async function openStreams(
  tx: Writing,
  channel: Channel,
  tuners: readonly string[],
): Promise<void> {
  const rows = await tx
    .selectFrom('feedback_streams')
    .selectAll()
    .where('channel', '=', channel.id)
    .where(
      'tuner',
      'in',
      tuners.map((tuner) => Buffer.from(tuner, 'hex')),
    )
    .execute()
  for (const row of rows) {
    const tuner = Buffer.from(row.tuner)
    const epoch = Buffer.from(row.epoch)
    const hex = tuner.toString('hex')
    channel.streams.set(`${hex}.${epoch.toString('hex')}`, {
      ...row,
      tuner,
      epoch,
      changed: false,
    })
    channel.newest.set(hex, Math.max(channel.newest.get(hex) ?? 0, row.number))
    if (row.delivered < row.sequence) channel.owing.add(hex)
  }
}

interface Appending {
  readonly tx: Writing
  readonly bounds: FeedbackBounds
  /** What is to be written. */
  readonly rows: (readonly Value[])[]
}

/** Decides one batch and adds what is new of it to the rows. */
async function take(
  { tx, bounds, rows }: Appending,
  channel: Channel,
  batch: FeedbackBatch,
): Promise<AppendOutcome> {
  const { tuner, epoch, entries } = batch
  const key = `${tuner}.${epoch}`
  const known = channel.streams.get(key)
  const stored = known?.sequence ?? 0
  const first = entries[0]?.sequence ?? stored + 1
  if (first > stored + 1) return { outcome: 'gap', sequence: stored }
  const again = entries.filter((entry) => entry.sequence <= stored)
  const fresh = entries.filter((entry) => entry.sequence > stored)
  const same = await samePrefix(tx, channel, batch, again, rows)
  if (same < again.length) return { outcome: 'cloned', sequence: first + same - 1 }
  if (fresh.length === 0) return { outcome: 'stored', sequence: stored }
  const newest = channel.newest.get(tuner) ?? 0
  if (known !== undefined && known.number < newest) return { outcome: 'cloned', sequence: stored }
  const freshBytes = fresh.reduce((sum, { data }) => sum + data.byteLength + entryBytes, 0)
  const bytesMax = known === undefined ? bounds.newStreamBytesMax : bounds.bytesMax
  if (channel.bytes + freshBytes > bytesMax) return { outcome: 'full', sequence: stored }
  const stream = known ?? {
    channel: channel.id,
    tuner: bytesOfDigest(tuner),
    epoch: Buffer.from(epoch, 'hex'),
    number: newest + 1,
    sequence: 0,
    delivered: 0,
    changed: false,
  }
  channel.streams.set(key, stream)
  channel.newest.set(tuner, stream.number)
  for (const entry of fresh) rows.push(rowOf(channel, stream, entry, batch.atMs))
  stream.sequence = stored + fresh.length
  channel.bytes += freshBytes
  // Nobody is owed what arrives while the channel has no plug-in.
  if (!batch.isForPlugin) stream.delivered = stream.sequence
  stream.changed = true
  const isFirstOwed = batch.isForPlugin && again.length === 0 && !channel.owing.has(tuner)
  if (batch.isForPlugin) channel.owing.add(tuner)
  return {
    outcome: 'stored',
    sequence: stream.sequence,
    ...(isFirstOwed ? { isFirstOwed } : {}),
  }
}

/** How many of the re-sent entries are what lies in the log already. */
async function samePrefix(
  tx: Writing,
  channel: Channel,
  batch: FeedbackBatch,
  again: readonly FeedbackEntryRecord[],
  pending: readonly (readonly Value[])[],
): Promise<number> {
  const first = again[0]
  const last = again.at(-1)
  if (first === undefined || last === undefined) return 0
  const tuner = bytesOfDigest(batch.tuner)
  const epoch = Buffer.from(batch.epoch, 'hex')
  const held = new Map<number, string>()
  const found = await tx
    .selectFrom('feedback')
    .select(['sequence', 'nonce'])
    .where('channel', '=', channel.id)
    .where('tuner', '=', tuner)
    .where('epoch', '=', epoch)
    .where('sequence', '>=', first.sequence)
    .where('sequence', '<=', last.sequence)
    .execute()
  for (const row of found) held.set(row.sequence, Buffer.from(row.nonce).toString('hex'))
  for (const row of pending) {
    const [id, , rowTuner, rowEpoch, sequence, nonce] = row as Value[]
    const isSame =
      id === channel.id && tuner.equals(rowTuner as Buffer) && epoch.equals(rowEpoch as Buffer)
    if (isSame) held.set(sequence as number, (nonce as Buffer).toString('hex'))
  }
  const differing = again.findIndex((entry) => held.get(entry.sequence) !== entry.nonce)
  return differing === -1 ? again.length : differing
}

function rowOf(
  channel: Channel,
  stream: Stream,
  entry: FeedbackEntryRecord,
  atMs: number,
): readonly Value[] {
  channel.position += 1
  return [
    channel.id,
    channel.position,
    stream.tuner,
    stream.epoch,
    entry.sequence,
    Buffer.from(entry.nonce, 'hex'),
    entry.appendedAtMs,
    atMs,
    entry.type,
    entry.data,
  ]
}

async function saveStreams(
  tx: Writing,
  channels: ReadonlyMap<ChannelName, Channel>,
): Promise<void> {
  for (const channel of channels.values()) {
    const changed = [...channel.streams.values()].filter((stream) => stream.changed)
    if (changed.length === 0) continue
    await insertRows(tx, {
      table: 'feedback_streams',
      columns: ['channel', 'tuner', 'epoch', 'number', 'sequence', 'delivered'],
      onConflict:
        '(channel, tuner, epoch) do update set' +
        ' sequence = excluded.sequence, delivered = excluded.delivered',
      rows: changed.map((stream) => [
        stream.channel,
        stream.tuner,
        stream.epoch,
        stream.number,
        stream.sequence,
        stream.delivered,
      ]),
    })
    const { id, position, bytes } = channel
    await tx
      .insertInto('feedback_heads')
      .values({ channel: id, position, bytes })
      .onConflict((conflict) => conflict.column('channel').doUpdateSet({ position, bytes }))
      .execute()
  }
}
