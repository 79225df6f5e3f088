import { type Kysely, type Migration, sql } from 'kysely'

/** The bytes of each channel's feedback log, counted along, so that they can be bounded. */
export const feedbackBytes: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .alterTable('feedback_heads')
      .addColumn('bytes', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute()
    await sql`
      update feedback_heads set bytes = (
        select coalesce(sum(length(f.data) + ${sql.lit(entryBytes)}), 0)
        from feedback as f where f.channel = feedback_heads.channel
      )`.execute(db)
  },
}

/** What an entry takes besides its data, about. */
const entryBytes = 256
