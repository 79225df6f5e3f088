import path from 'node:path'
import { parse } from 'smol-toml'
import { isLongwaveError, parseSchedule } from '../../protocol/index.ts'
import { type FileSystem, readFileIfPresent } from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'
import type { Subscription } from '../subscriptions/index.ts'

/** What the administrator rules; absent members leave it to the user and the developer. */
export interface Rule {
  readonly schedule?: string
  /** Whether people may set schedules of their own; true when absent. */
  readonly allowOverride?: boolean
}

/** The administrator's rules: for every channel, and for some by name or URL. */
export interface Policy {
  readonly all: Rule
  readonly channels: ReadonlyMap<string, Rule>
}

const policyBytesMax = 64 * 1024
const noPolicy: Policy = { all: {}, channels: new Map() }

/**
 * Loads `policy.toml`, which the tuner only reads (docs/formats/schedule.md).
 * @throws LW_TUNER_POLICY_DAMAGED
 */
export async function loadPolicy(fs: FileSystem, directory: string): Promise<Policy> {
  const file = path.join(directory, 'policy.toml')
  const bytes = await readFileIfPresent(fs, file, { bytesMax: policyBytesMax })
  if (bytes === undefined) return noPolicy
  try {
    return parsePolicy(bytes.toString('utf8'))
  } catch (cause) {
    throw tunerError('LW_TUNER_POLICY_DAMAGED', {
      detail: `${file}: ${cause instanceof Error ? cause.message.split('\n')[0] : 'unreadable'}.`,
      untouched: 'No schedule was changed.',
      cause,
    })
  }
}

/** @throws what the TOML parser throws, TypeError, LW_FORMAT_SCHEDULE */
export function parsePolicy(text: string): Policy {
  const { channels, ...all } = parse(text)
  const rules = new Map<string, Rule>()
  for (const [name, rule] of Object.entries(tableOf(channels ?? {}, 'channels'))) {
    rules.set(name, ruleOf(tableOf(rule, name)))
  }
  return { all: ruleOf(all), channels: rules }
}

function tableOf(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>
  }
  throw new TypeError(`${JSON.stringify(name)} is no table`)
}

function ruleOf(table: Record<string, unknown>): Rule {
  for (const key of Object.keys(table)) {
    if (key !== 'schedule' && key !== 'allow-override') {
      throw new TypeError(`unknown setting ${JSON.stringify(key)}`)
    }
  }
  const { schedule } = table
  const allowOverride = table['allow-override']
  if (schedule !== undefined && typeof schedule !== 'string') {
    throw new TypeError('schedule is not text')
  }
  if (allowOverride !== undefined && typeof allowOverride !== 'boolean') {
    throw new TypeError('allow-override is not true or false')
  }
  if (schedule !== undefined) parseSchedule(schedule)
  return {
    ...(schedule === undefined ? {} : { schedule }),
    ...(allowOverride === undefined ? {} : { allowOverride }),
  }
}

/** The rule for one subscription: what its name says, then its URL, then what all have. */
export function ruleFor(policy: Policy, subscription: Pick<Subscription, 'name' | 'url'>): Rule {
  return {
    ...policy.all,
    ...policy.channels.get(subscription.url),
    ...policy.channels.get(subscription.name),
  }
}

/** Whose word a schedule is. */
export type Decider = 'administrator' | 'user' | 'developer' | 'default'

/** Which schedule counts, and whose it is. */
export interface ChosenSchedule {
  readonly text: string
  readonly by: Decider
  /** The one that would count if this version could read it, and why it cannot. */
  readonly passedOver?: { readonly by: Decider; readonly why: string }
}

const defaultSchedule = 'every 1 day'

/**
 * The administrator's rule before the user's override before the developer's default (C27, C28).
 * One that was stored or signed and cannot be read is passed over: a channel must not become one
 * that nobody can look at or update because of it.
 */
export function chooseSchedule(
  rule: Rule,
  subscription: Pick<Subscription, 'schedule'>,
  developers: string | undefined,
): ChosenSchedule {
  const users = rule.allowOverride === false ? undefined : subscription.schedule
  const candidates: readonly (readonly [Decider, string | undefined])[] = [
    ['administrator', rule.schedule],
    ['user', users],
    ['developer', developers],
    ['default', defaultSchedule],
  ]
  let passedOver: ChosenSchedule['passedOver']
  for (const [by, text] of candidates) {
    if (text === undefined) continue
    const why = whyUnreadable(text)
    if (why === undefined) return { text, by, ...(passedOver === undefined ? {} : { passedOver }) }
    passedOver ??= { by, why }
  }
  throw new TypeError('the default schedule cannot be read')
}

function whyUnreadable(text: string): string | undefined {
  try {
    parseSchedule(text)
    return undefined
  } catch (error) {
    if (!isLongwaveError(error, 'LW_FORMAT_SCHEDULE')) throw error
    return error.detail ?? error.message
  }
}
