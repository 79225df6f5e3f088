import { lstat, readdir } from 'node:fs/promises'
import path from 'node:path'
import { isLongwaveError } from '../../../protocol/index.ts'
import { nodeFileSystem } from '../../../store/durable-files/index.ts'
import { loadTrustState } from '../../../trust/index.ts'
import { countText } from '../../output/index.ts'
import type { Session } from '../../session.ts'
import { openTuner } from '../../tuner-session.ts'
import type { Finding } from './finding.ts'

/** Whether what a tuner keeps in this home can be read: subscriptions, trust, releases. */
export async function checkTuner(session: Session): Promise<readonly Finding[]> {
  const entries = await readdir(path.join(session.home, 'tuner')).catch(() => [])
  if (entries.length === 0) return []
  const check = 'tuner'
  try {
    const tuner = await openTuner(session)
    const subscriptions = await tuner.select()
    const findings: Finding[] = [...(await checkTrust(session.home))]
    for (const { id, error } of await tuner.damaged())
      findings.push({ check, ...textOf(id, error) })
    for (const subscription of subscriptions) {
      const failure = await tuner.describe(subscription).then(
        () => undefined,
        (error: unknown) => error,
      )
      if (failure !== undefined) findings.push({ check, ...textOf(subscription.name, failure) })
    }
    if (findings.length > 0) return findings
    return [{ check, verdict: 'ok', text: `${countText(subscriptions.length, 'subscription')}` }]
  } catch (error) {
    return [{ check, ...textOf('this home', error) }]
  }
}

/** What is damaged here stops updates, though everything that is installed goes on working. */
async function checkTrust(home: string): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const kind of ['channels', 'folders']) {
    const folder = path.join(home, 'tuner', kind)
    for (const name of await readdir(folder).catch(() => [])) {
      try {
        await loadTrustState(nodeFileSystem, path.join(folder, name, 'trust.json'))
      } catch (error) {
        findings.push({ check: 'tuner', ...textOf(name, error) })
      }
    }
  }
  return findings
}

function textOf(what: string, error: unknown): Omit<Finding, 'check'> {
  const said = error instanceof Error ? error.message : String(error)
  if (!isLongwaveError(error)) return { verdict: 'bad', text: `${what}: ${said}` }
  const isBusy = error.code === 'LW_STORE_LOCKED'
  return {
    verdict: isBusy ? 'warn' : 'bad',
    text: `${what}: ${said} [${error.code}]`,
    ...(error.next === undefined ? {} : { remedy: error.next }),
  }
}

/** Whether private keys of this home are closed to others. */
export async function checkKeys(home: string): Promise<readonly Finding[]> {
  const folder = path.join(home, 'keys')
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const files = names.filter((name) => name.endsWith('.pem'))
  if (files.length === 0) return []
  const open: string[] = []
  for (const name of files) {
    const { mode } = await lstat(path.join(folder, name))
    if ((mode & 0o077) !== 0) open.push(path.join(folder, name))
  }
  const [first] = open
  if (first === undefined) {
    return [{ check: 'keys', verdict: 'ok', text: `${countText(files.length, 'private key')}` }]
  }
  return [
    {
      check: 'keys',
      verdict: 'bad',
      text: `${countText(open.length, 'private key')} can be read by others, such as ${first}`,
      remedy: `chmod -R go= ${folder}`,
    },
  ]
}
