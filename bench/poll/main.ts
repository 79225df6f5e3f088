// What does a poll cost? `timestamp.json` with 304 and 200, against bare node:http.
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { hasWrk } from '../support/load.ts'
import { type Contender, printTable, runRounds } from '../support/rounds.ts'
import { startNodeServer } from '../support/server-process.ts'
import { pollDocument, pollPath } from './document.ts'

const rounds = Number(process.argv[2] ?? 4)
const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'server.js')
const base = 'node:http'
await using bare = await startNodeServer(base, script, ['bare'])
await using longwave = await startNodeServer('longwave', script, ['longwave'])
await using framework = await startNodeServer('the same as a Fastify route', script, ['framework'])
const servers = [bare, longwave, framework]

console.log(
  `Poll of ${pollDocument.bytes.byteLength} bytes, ${rounds} rounds by turns, 64 connections`,
)
console.log(hasWrk() ? 'Load by wrk.' : 'wrk is missing: this process makes the load itself.')
const load = { path: pollPath, connections: 64, seconds: 2 }
const unchanged: Contender[] = servers.map((server) => ({
  server,
  load: { ...load, status: 304, headers: { 'if-none-match': pollDocument.etag } },
}))
const changed: Contender[] = [bare, longwave].map((server) => ({
  server,
  load: { ...load, status: 200, headers: {} },
}))
printTable('304: nothing changed (at most 1.7)', await runRounds(unchanged, rounds), base)
printTable('200: the document', await runRounds(changed, Math.ceil(rounds / 2)), base)
