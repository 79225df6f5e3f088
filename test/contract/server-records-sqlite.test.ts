import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { type ServerRecords, openServerRecords } from '../../store/server-records/index.ts'
import { serverRecordsContract } from './server-records.ts'

const base = await mkdtemp(path.join(os.tmpdir(), 'lw-records-'))
t.teardown(() => rm(base, { recursive: true, force: true }))
let count = 0
const freshFile = (): string => path.join(base, `${++count}`, 'records.db')
const open = (file = freshFile()): Promise<ServerRecords> =>
  openServerRecords({ url: `sqlite:${file}` })

t.test('SQLite', async (t) => {
  serverRecordsContract(t, open)
})
