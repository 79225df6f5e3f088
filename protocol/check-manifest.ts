import { isChannelName } from './channel-address.ts'
import { isDigest } from './digest.ts'
import { formatError } from './format-errors.ts'
import { isRecord } from './is-record.ts'
import { limits } from './limits.ts'
import { isTime, type Manifest, manifestFormat, zoneMinutes } from './manifest.ts'
import { EntryChecks } from './manifest-entries.ts'
import { whyNotEntryPath } from './paths.ts'
import { isPlainLine, isPlainText } from './plain-text.ts'
import { quoted } from './quoted.ts'

/** How many findings an error lists, and after how many the search ends. */
export const findingsMax = 20

/**
 * Checks a manifest that is already parsed. All findings are listed (the first 20), not only the
 * first.
 * @throws LW_FORMAT_DOCUMENT, LW_FORMAT_PATH_COLLISION
 */
export function checkManifest(value: unknown): Manifest {
  const findings: string[] = []
  checkOutside(value, findings)
  const entries = new EntryChecks(findings)
  const list = value['entries']
  if (!Array.isArray(list)) findings.push('entries is not a list')
  else if (list.length > limits.entriesMax) findings.push(tooManyEntries)
  else for (const entry of list as unknown[]) entries.add(entry)
  return passManifest(value, findings, entries)
}

export const tooManyEntries = `more than ${limits.entriesMax} entries`

/** Adds what is wrong with a manifest besides its entries. @throws LW_FORMAT_DOCUMENT */
export function checkOutside(
  value: unknown,
  findings: string[],
): asserts value is Record<string, unknown> {
  if (!isRecord(value)) refuseManifest(['not an object'])
  checkHead(value, findings)
  checkAttributes(value, findings)
}

/**
 * The manifest when nothing was found in it.
 * @throws LW_FORMAT_DOCUMENT, LW_FORMAT_PATH_COLLISION
 */
export function passManifest(value: unknown, findings: string[], entries: EntryChecks): Manifest {
  const collision = entries.finish()
  if (findings.length > 0) refuseManifest(findings)
  if (collision !== undefined) {
    throw formatError('LW_FORMAT_PATH_COLLISION', {
      detail: `${quoted(collision.first)} and ${quoted(collision.second)}.`,
    })
  }
  return value as Manifest
}

/** @throws LW_FORMAT_DOCUMENT */
export function refuseManifest(findings: readonly string[]): never {
  throw formatError('LW_FORMAT_DOCUMENT', {
    detail: `Manifest: ${findings.slice(0, findingsMax).join('; ')}.`,
    members: { findings: findings.slice(0, findingsMax) },
  })
}

const headMembers = ['format', 'channel', 'name', 'release', 'label', 'published', 'entries']
const attributeMembers = [
  'title',
  'description',
  'kind',
  'main',
  'schedule',
  'category',
  'repeaters',
  'requires',
  'plugin',
  'ticketKey',
  'access',
]

function checkHead(value: Record<string, unknown>, findings: string[]): void {
  for (const key of Object.keys(value)) {
    // An unknown member could change the meaning: a later format has another name.
    if (!headMembers.includes(key) && !attributeMembers.includes(key)) {
      findings.push(`unknown member ${quoted(key)}`)
    }
  }
  if (value['format'] !== manifestFormat) findings.push(`format is not ${manifestFormat}`)
  if (!isDigest(value['channel'])) findings.push('channel is not a channel id')
  if (!isChannelName(value['name'])) findings.push('name is not a channel name')
  if (!isPositiveInteger(value['release'])) findings.push('release is not a positive number')
  if (!isOptionalLine(value['label'], limits.labelCharactersMax)) findings.push('label')
  if (!isTime(value['published'])) findings.push('published is not an RFC 3339 time in UTC')
}

function checkAttributes(value: Record<string, unknown>, findings: string[]): void {
  if (!['files', 'html', 'application'].includes(value['kind'] as string)) findings.push('kind')
  if (!isOptionalLine(value['title'], limits.titleCharactersMax)) findings.push('title')
  const description = value['description']
  if (
    !isOptionalText(description, limits.descriptionCharactersMax) ||
    !isPlainText(String(description ?? ''))
  ) {
    findings.push('description')
  }
  if (!isOptionalLine(value['category'], limits.titleCharactersMax)) findings.push('category')
  if (!isOptionalText(value['ticketKey'], 200)) findings.push('ticketKey')
  if (value['main'] !== undefined && whyNotEntryPath(value['main']) !== undefined) {
    findings.push('main is not a path of the tree')
  }
  if (![undefined, 'open', 'closed'].includes(value['access'] as undefined)) findings.push('access')
  // Only its form: a schedule that is of no use to a tuner does not make the release one.
  if (!isOptionalLine(value['schedule'], limits.scheduleCharactersMax)) findings.push('schedule')
  const requires = value['requires']
  if (requires !== undefined && !isTextList(requires, 16, 64)) findings.push('requires')
  const plugin = value['plugin']
  if (
    plugin !== undefined &&
    !(
      isRecord(plugin) &&
      isOptionalText(plugin['key'], 200) &&
      plugin['key'] !== undefined &&
      isTextList(plugin['paths'], 64, limits.pathBytesMax) &&
      (plugin['module'] === undefined || isDigest(plugin['module']))
    )
  ) {
    findings.push('plugin')
  }
  if (value['repeaters'] !== undefined && !isRepeaters(value['repeaters'])) {
    findings.push('repeaters')
  }
}

function isRepeaters(value: unknown): boolean {
  if (!isRecord(value)) return false
  if (value['assignment'] !== 'round-robin' && value['assignment'] !== 'time-zone') return false
  const members = value['members']
  if (!Array.isArray(members) || members.length > limits.repeatersMax) return false
  return members.every(
    (member: unknown) =>
      isRecord(member) &&
      isHttpUrl(member['url']) &&
      (member['zone'] === undefined || isZone(member['zone'])),
  )
}

function isZone(value: unknown): boolean {
  return typeof value === 'string' && zoneMinutes(value) !== undefined
}

/** Without credentials: everybody reads a manifest. */
function isHttpUrl(value: unknown): boolean {
  return typeof value === 'string' && /^https?:\/\/[^\s#?@]+$/.test(value) && URL.canParse(value)
}

function isTextList(value: unknown, countMax: number, charactersMax: number): boolean {
  return (
    Array.isArray(value) &&
    value.length <= countMax &&
    value.every((item) => typeof item === 'string' && isOptionalLine(item, charactersMax))
  )
}

function isOptionalText(value: unknown, charactersMax: number): boolean {
  return value === undefined || (typeof value === 'string' && value.length <= charactersMax)
}

function isOptionalLine(value: unknown, charactersMax: number): boolean {
  return isOptionalText(value, charactersMax) && isPlainLine(String(value ?? ''))
}

function isPositiveInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}
