import { storeError } from '../errors.ts'
import { findChannelId } from './channel-records.ts'
import type { Reading, RecordsDatabase, Writing } from './records-database.ts'
import { bytesOfDigest } from './rows.ts'
import type { AssignmentQuestion, RepeaterRecords } from './server-records.ts'

type AssignmentRecords = Pick<RepeaterRecords, 'assignment' | 'assign' | 'loads'>

export function createAssignmentRecords(database: RecordsDatabase): AssignmentRecords {
  const { reader } = database
  return {
    async assignment(channel, tuner) {
      const id = await findChannelId(reader, channel)
      return id === undefined ? undefined : findAssignment(reader, id, bytesOfDigest(tuner))
    },
    assign: (question) => database.transaction((tx) => assign(tx, question)),
    async loads(channel) {
      const id = await findChannelId(reader, channel)
      return id === undefined ? new Map() : readLoads(reader, id)
    },
  }
}

async function assign(tx: Writing, question: AssignmentQuestion): Promise<string | null> {
  const channel = await findChannelId(tx, question.channel)
  if (channel === undefined) {
    throw storeError('LW_STORE_NO_CHANNEL', { detail: `There is no ${question.channel}.` })
  }
  const tuner = bytesOfDigest(question.tuner)
  const before = await findAssignment(tx, channel, tuner)
  const loads = await readLoads(tx, channel)
  const chosen = question.choose({ before, loads })
  if (chosen === before) return chosen
  // The origin itself is a stopgap until a repeater is current: it needs no row.
  if (before === undefined && chosen === null) return chosen
  const known = [...loads.values()].reduce((sum, tuners) => sum + tuners, 0)
  if (before === undefined && known >= question.tunersMax) return chosen
  const row = { repeater: chosen, assigned_at: question.atMs }
  await tx
    .insertInto('assignments')
    .values({ channel, tuner, ...row })
    .onConflict((conflict) => conflict.columns(['channel', 'tuner']).doUpdateSet(row))
    .execute()
  if (typeof before === 'string') await addLoad(tx, { channel, repeater: before }, -1)
  if (chosen !== null) await addLoad(tx, { channel, repeater: chosen }, 1)
  return chosen
}

async function addLoad(
  tx: Writing,
  key: { readonly channel: number; readonly repeater: string },
  tuners: number,
): Promise<void> {
  await tx
    .insertInto('assignment_loads')
    .values({ ...key, tuners: Math.max(0, tuners) })
    .onConflict((conflict) =>
      conflict
        .columns(['channel', 'repeater'])
        .doUpdateSet((update) => ({ tuners: update('assignment_loads.tuners', '+', tuners) })),
    )
    .execute()
}

async function findAssignment(
  db: Reading | Writing,
  channel: number,
  tuner: Uint8Array,
): Promise<string | null | undefined> {
  const row = await db
    .selectFrom('assignments')
    .select('repeater')
    .where('channel', '=', channel)
    .where('tuner', '=', tuner)
    .executeTakeFirst()
  return row?.repeater
}

async function readLoads(
  db: Reading | Writing,
  channel: number,
): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('assignment_loads')
    .select(['repeater', 'tuners'])
    .where('channel', '=', channel)
    .execute()
  return new Map(rows.map(({ repeater, tuners }) => [repeater, tuners]))
}
