// What do objects cost? 64 KiB and 8 MiB, against Debian's nginx on the same files.
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { hasWrk } from '../support/load.ts'
import { printTable, runRounds } from '../support/rounds.ts'
import { type ServerProcess, startNodeServer } from '../support/server-process.ts'
import { hasNginx, startNginx } from './nginx.ts'

const rounds = Number(process.argv[2] ?? 3)
const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'server.js')
const temporary = mkdtempSync(path.join(os.tmpdir(), 'longwave-bench-'))
const folder = path.join(temporary, 'objects')
mkdirSync(folder)

function makeObject(bytes: number): string {
  const content = randomBytes(bytes)
  const digest = createHash('sha256').update(content).digest('hex')
  writeFileSync(path.join(folder, digest), content)
  return digest
}

const [small, large] = [64 * 1024, 8 * 1024 * 1024]
const [smallObject, largeObject] = [makeObject(small), makeObject(large)]
const sizes = JSON.stringify({ [smallObject]: small, [largeObject]: large })
const [sendfile, plain] = ['nginx', 'nginx, sendfile off']

async function compare(peers: readonly ServerProcess[]): Promise<void> {
  await using memory = await startNodeServer('longwave, from memory', script, [
    folder,
    'memory',
    sizes,
  ])
  await using file = await startNodeServer('longwave, from its file', script, [
    folder,
    'file',
    sizes,
  ])
  const load = { headers: {}, seconds: 2, status: 200 }
  const ask = (digest: string, connections: number) => (server: ServerProcess) => ({
    server,
    load: { ...load, path: `/demo/objects/${digest}`, connections },
  })
  const smallRounds = await runRounds([...peers, memory, file].map(ask(smallObject, 64)), rounds)
  printTable('64 KiB, 64 connections (at most 4)', smallRounds, sendfile)
  const largeRounds = await runRounds([...peers, file].map(ask(largeObject, 8)), rounds)
  printTable('8 MiB, 8 connections (at most 2.5)', largeRounds, plain)
}

try {
  console.log(`Objects, ${rounds} rounds by turns`)
  console.log(hasWrk() ? 'Load by wrk.' : 'wrk is missing: this process makes the load itself.')
  if (hasNginx()) {
    const options = { folder, prefix: temporary }
    await using fast = await startNginx(sendfile, { ...options, sendfile: true })
    await using slow = await startNginx(plain, { ...options, sendfile: false })
    await compare([fast, slow])
  } else {
    console.log('nginx is missing (apt-get install nginx-light): no ratios.')
    await compare([])
  }
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
