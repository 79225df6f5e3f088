import { access, constants, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import type { Command } from 'commander'
import { ExitCode, isLongwaveError } from '../../protocol/index.ts'
import { parseListenAddress } from '../../serving/index.ts'
import { createTransport } from '../../transport/index.ts'
import { sizeText } from '../output/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { checkKeys, checkTuner, type Finding } from './doctor/index.ts'

/** `longwave doctor [URL]` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('[url]', 'a server to reach as well')
    .option('--listen <host:port>', 'a port to try', '127.0.0.1:5282')
    .addHelpText(
      'after',
      `
Looks at Node, the clock, proxies, the home and its room, a port, private keys, what the tuner of
this home keeps, and with a URL at the way to that server. Changes nothing.

Examples:
  longwave doctor
  longwave doctor https://dl.example.org/

Exit codes: 0 nothing bad, 1 something is bad.`,
    )
    .action(run(doctor))
}

const roomWarnBytes = 1_000_000_000

async function doctor(
  session: Session,
  url: string | undefined,
  flags: { readonly listen: string },
): Promise<number> {
  const findings: Finding[] = [
    checkNode(),
    checkZone(),
    ...checkProxies(process.env),
    await checkHome(session.home),
    await checkRoom(session.home),
    await checkPort(flags.listen),
    ...(await checkKeys(session.home)),
    ...(await checkTuner(session)),
  ]
  if (url !== undefined) findings.push(...(await checkServer(url)))
  for (const finding of findings) {
    session.output.emit({ type: 'finding', ...finding })
    session.output.print(
      `${finding.verdict.padEnd(4)}  ${finding.check.padEnd(10)} ${finding.text}`,
    )
    if (finding.remedy !== undefined) session.output.print(`                  ${finding.remedy}`)
  }
  return findings.some((finding) => finding.verdict === 'bad') ? ExitCode.failed : ExitCode.ok
}

function checkNode(): Finding {
  return { check: 'node', verdict: 'ok', text: `${process.version} on ${process.platform}` }
}

function checkZone(): Finding {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  const year = new Date().getFullYear()
  if (year < 2025) {
    return {
      check: 'clock',
      verdict: 'bad',
      text: `the clock says ${year}`,
      remedy: 'Set the clock: signatures of today look as if they came from the future.',
    }
  }
  return { check: 'clock', verdict: 'ok', text: `${new Date().toISOString()}, time zone ${zone}` }
}

/** An empty proxy variable breaks other tools; we leave it out of account and say so. */
function checkProxies(env: NodeJS.ProcessEnv): readonly Finding[] {
  const names = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY']
  const findings: Finding[] = []
  for (const name of names) {
    const value = env[name]
    if (value === undefined) continue
    if (value.trim() === '') {
      findings.push({
        check: 'proxy',
        verdict: 'warn',
        text: `${name} is set but empty; it is ignored`,
        remedy: `unset ${name}`,
      })
    } else if (!name.toLowerCase().startsWith('no') && !URL.canParse(value)) {
      findings.push({
        check: 'proxy',
        verdict: 'bad',
        text: `${name} is not a URL`,
        remedy: `Set ${name}=http://HOST:PORT or unset it.`,
      })
    } else findings.push({ check: 'proxy', verdict: 'ok', text: `${name} is used` })
  }
  return findings
}

async function checkHome(home: string): Promise<Finding> {
  try {
    const there = await nearestFolder(home)
    await access(there, constants.R_OK | constants.W_OK | constants.X_OK)
    const text = there === home ? home : `${home}, which the first command makes`
    return { check: 'home', verdict: 'ok', text }
  } catch {
    return {
      check: 'home',
      verdict: 'bad',
      text: `${home} cannot be used`,
      remedy: 'Give another folder with --home or LONGWAVE_HOME, or mend its permissions.',
    }
  }
}

/** The folder itself, or the one above it in which it would be made. */
async function nearestFolder(folder: string): Promise<string> {
  const above = path.dirname(folder)
  const isThere = await stat(folder).then(
    (found) => found.isDirectory(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' && above !== folder) return undefined
      throw error
    },
  )
  if (isThere === undefined) return nearestFolder(above)
  if (isThere) return folder
  throw new Error('no folder')
}

async function checkRoom(home: string): Promise<Finding> {
  try {
    const stats = await statfs(await nearestFolder(home))
    const free = stats.bavail * stats.bsize
    return {
      check: 'disk',
      verdict: free < roomWarnBytes ? 'warn' : 'ok',
      text: `${sizeText(free)} free`,
      ...(free < roomWarnBytes
        ? { remedy: 'An update needs room for the new release beside the old.' }
        : {}),
    }
  } catch {
    return { check: 'disk', verdict: 'warn', text: 'the free space cannot be read' }
  }
}

function checkPort(listen: string): Promise<Finding> {
  const { host, port } = parseListenAddress(listen)
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve({
        check: 'port',
        verdict: 'warn',
        text: `${listen}: ${error.code === 'EADDRINUSE' ? 'in use' : error.message}`,
        remedy: 'A transmitter may run there already; another port: --listen 127.0.0.1:0',
      })
    })
    server.listen(port, host, () => {
      server.close(() => resolve({ check: 'port', verdict: 'ok', text: `${listen} is free` }))
    })
  })
}

async function checkServer(url: string): Promise<readonly Finding[]> {
  await using transport = createTransport({
    userAgent: 'longwave-doctor',
    proxyEnvironment: process.env,
    retry: { attemptsMax: 1 },
  })
  try {
    const answer = await transport.fetchBytes(url, {
      bytesMax: 16 * 1024 * 1024,
      acceptStatus: [401, 403, 404],
      headers: { accept: 'application/json' },
    })
    const date = Date.parse(String(answer.headers['date'] ?? ''))
    const behindMs = Number.isNaN(date) ? 0 : date - Date.now()
    const reached: Finding = {
      check: 'server',
      verdict: 'ok',
      text: `${url} answered ${answer.status}`,
    }
    if (Math.abs(behindMs) < 300_000) return [reached]
    return [
      reached,
      {
        check: 'clock',
        verdict: 'warn',
        text: `this clock and the server's differ by ${Math.round(behindMs / 1000)} s`,
        remedy: 'Set the clock: more than a day makes updates fail with "clock wrong".',
      },
    ]
  } catch (error) {
    const text = isLongwaveError(error) ? `${error.message} [${error.code}]` : String(error)
    return [{ check: 'server', verdict: 'bad', text: `${url}: ${text}` }]
  }
}
