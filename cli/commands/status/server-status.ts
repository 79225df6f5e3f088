import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { ExitCode } from '../../../protocol/index.ts'
import { cliError } from '../../failure/index.ts'
import { numberText } from '../../output/index.ts'
import type { Session } from '../../session.ts'
import { type Standing, standingLines } from './standing.ts'

const documentBytesMax = 1024 * 1024
const statusBytesMax = 16 * 1024 * 1024

interface Health {
  readonly status: string
  readonly service: string
  readonly version: string
  readonly uptimeSeconds: number
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly detail?: string }>>
}

/** Shows `/-/health`, `/-/status` and `/-/metrics` of a server. */
export async function showServer(
  session: Session,
  server: string,
  token: string | undefined,
): Promise<number> {
  const base = `${server.replace(/\/+$/, '')}/`
  const health = await fetchHealth(session, base)
  const measures = await fetchMeasures(session, base)
  const standing = await fetchStatus(session, base, token)
  session.output.emit({
    ...health,
    type: 'server',
    url: base,
    measures,
    ...(standing === undefined ? {} : { standing }),
  })
  session.output.print(
    `${base} ${health.service} ${health.version}: ${health.status}, up ${uptimeText(health.uptimeSeconds)}`,
  )
  for (const [name, { ok, detail }] of Object.entries(health.checks)) {
    session.output.print(`  ${ok ? 'ok  ' : 'bad '}  ${name.padEnd(11)} ${detail ?? ''}`.trimEnd())
  }
  for (const line of standingLines(standing)) session.output.print(`  ${line}`)
  const rows = Object.entries(measures).filter(([, value]) => value !== 0)
  session.output.printTable(rows.map(([name, value]) => [`  ${name}`, measureText(value)]))
  return health.status === 'ok' ? ExitCode.ok : ExitCode.failed
}

/** `/-/status`: what the role has to say of itself; on this machine with the home's own token. */
async function fetchStatus(
  session: Session,
  base: string,
  given: string | undefined,
): Promise<Standing | undefined> {
  const token = given ?? (await ownToken(session, base))
  const answer = await session.transport().fetchBytes(`${base}-/status`, {
    acceptStatus: [401, 403, 404],
    bytesMax: statusBytesMax,
    signal: session.signal,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  })
  if (answer.status !== 200) return undefined
  try {
    return JSON.parse(answer.bytes.toString('utf8')) as Standing
  } catch {
    return undefined
  }
}

async function ownToken(session: Session, base: string): Promise<string | undefined> {
  if (!['127.0.0.1', '[::1]', 'localhost'].includes(new URL(base).hostname)) return undefined
  const file = path.join(session.home, 'transmitter', 'publish-token')
  return (await readFile(file, 'utf8').catch(() => undefined))?.trim()
}

async function fetchHealth(session: Session, base: string): Promise<Health> {
  const answer = await session.transport().fetchBytes(`${base}-/health`, {
    headers: { accept: 'application/json' },
    acceptStatus: [404, 503],
    bytesMax: documentBytesMax,
    signal: session.signal,
  })
  try {
    const health = JSON.parse(answer.bytes.toString('utf8')) as Partial<Health> | null
    if (typeof health?.status === 'string' && typeof health.service === 'string') {
      return { version: '', uptimeSeconds: 0, checks: {}, ...health } as Health
    }
  } catch {
    // Said below: whatever answers there is none of ours.
  }
  throw cliError('LW_CLI_NO_SERVER', {
    detail: `${base}-/health is no health document.`,
    next: `longwave channels ${base}  # where a web server serves what publish --out wrote`,
  })
}

/** The server's own counters, without labels: totals over channels and the like. */
async function fetchMeasures(
  session: Session,
  base: string,
): Promise<Readonly<Record<string, number>>> {
  const answer = await session.transport().fetchBytes(`${base}-/metrics`, {
    // Where measures are guarded, health has to do.
    acceptStatus: [401, 403, 404],
    bytesMax: documentBytesMax,
    signal: session.signal,
  })
  const measures: Record<string, number> = {}
  if (answer.status !== 200) return measures
  for (const line of answer.bytes.toString('utf8').split('\n')) {
    const match = /^longwave_(\w+)(?:\{[^}]*\})? (\S+)$/.exec(line)
    if (match === null) continue
    const [, name = '', value = ''] = match
    measures[name] = (measures[name] ?? 0) + Number(value)
  }
  return measures
}

/** Counts are whole; shares and seconds need no more than three digits behind the point. */
function measureText(value: number): string {
  return Number.isInteger(value) ? numberText(value) : value.toFixed(3)
}

function uptimeText(seconds: number): string {
  const days = Math.floor(seconds / 86_400)
  const hours = Math.floor((seconds % 86_400) / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  if (days > 0) return `${days} d ${hours} h`
  if (hours > 0) return `${hours} h ${minutes} min`
  const rest = `${Math.floor(seconds % 60)} s`
  return minutes > 0 ? `${minutes} min ${rest}` : rest
}
