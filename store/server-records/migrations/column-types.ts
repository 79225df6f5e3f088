import { type ColumnDataType, type Kysely, type RawBuilder, sql } from 'kysely'
import { isPostgres } from '../dialects.ts'

/** The type of a column of bytes, which the databases name differently. */
export function blobType(db: Kysely<unknown>): ColumnDataType | RawBuilder<unknown> {
  return isPostgres(db) ? sql`bytea` : 'blob'
}
