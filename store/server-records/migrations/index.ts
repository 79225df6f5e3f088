import type { Migration } from 'kysely'
import { releases } from './001-releases.ts'
import { feedback } from './002-feedback.ts'
import { repeaters } from './003-repeaters.ts'
import { feedbackBytes } from './004-feedback-bytes.ts'

/** All migrations by name; a name never changes, and new ones sort after the others. */
export const migrations: Readonly<Record<string, Migration>> = {
  '001-releases': releases,
  '002-feedback': feedback,
  '003-repeaters': repeaters,
  '004-feedback-bytes': feedbackBytes,
}
