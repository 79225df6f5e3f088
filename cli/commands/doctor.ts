import { access, constants, mkdir, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { Command } from 'commander'
import { ExitCode, isLongwaveError } from '../../protocol/index.ts'
import { parseListenAddress } from '../../serving/index.ts'
import { createTransport } from '../../transport/index.ts'
import { sizeText } from '../output/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'

/** `longwave doctor [URL]` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('[url]', 'a server to reach as well')
    .option('--listen <host:port>', 'a port to try', '127.0.0.1:5282')
    .addHelpText(
      'after',
      `
Examples:
  longwave doctor
  longwave doctor https://dl.example.org/

Exit codes: 0 nothing bad, 1 something is bad.`,
    )
    .action(run(doctor))
}

type Verdict = 'ok' | 'warn' | 'bad'

interface Finding {
  readonly check: string
  readonly verdict: Verdict
  readonly text: string
  readonly remedy?: string
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
    await mkdir(home, { recursive: true })
    await access(home, constants.R_OK | constants.W_OK | constants.X_OK)
    return { check: 'home', verdict: 'ok', text: home }
  } catch {
    return {
      check: 'home',
      verdict: 'bad',
      text: `${home} cannot be used`,
      remedy: 'Give another folder with --home or LONGWAVE_HOME, or mend its permissions.',
    }
  }
}

async function checkRoom(home: string): Promise<Finding> {
  try {
    const stats = await statfs(home)
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
