import { readFile } from 'node:fs/promises'
import { Command, type Option } from 'commander'
import type { CommandEntry } from '../command-table.ts'
import { cliError } from '../failure/index.ts'
import { nearest } from './nearest.ts'

/** A configuration file as it was read: names of options, and tables named like commands. */
export type ConfigurationDocument = Readonly<Record<string, unknown>>

/** Reads a TOML file. @throws LW_CLI_CONFIG */
export async function loadConfiguration(file: string): Promise<ConfigurationDocument> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw cliError('LW_CLI_CONFIG', { detail: `${file} cannot be read.`, cause })
  }
  // Few commands have a configuration to read.
  const { parse } = await import('smol-toml')
  try {
    return parse(text)
  } catch (cause) {
    const [first = ''] = (cause as Error).message.split('\n')
    throw cliError('LW_CLI_CONFIG', { detail: `${file} is not TOML: ${first}.`, cause })
  }
}

/** What `applyConfiguration` takes. */
export interface ConfigurationUse {
  /** All commands that there are. */
  readonly table: readonly CommandEntry[]
  readonly active: Command
  readonly file: string
  readonly document: ConfigurationDocument
}

/**
 * Sets options that neither the command line nor the environment set: those at the top of the file
 * for every command that has them, those of a table for the command of that name. Names that no
 * command has are refused, since a typing mistake would otherwise go unnoticed.
 * @throws LW_CLI_CONFIG
 */
export async function applyConfiguration(use: ConfigurationUse): Promise<void> {
  const { table, active, file, document } = use
  const top = topCommand(active)
  const forAll: Record<string, unknown> = {}
  let own: Readonly<Record<string, unknown>> = {}
  for (const [key, value] of Object.entries(document)) {
    if (!isTable(value)) {
      forAll[key] = value
      continue
    }
    if (!table.some((entry) => entry.name === key)) {
      const names = new Set(table.map((entry) => entry.name))
      throw unknownName(file, `a table [${key}], which is no command`, nearest(key, names))
    }
    if (key === top.name()) own = value
  }
  await refuseUnknown(file, forAll, () => namesOfAll(table))
  await refuseUnknown(file, own, async () => namesOf(top))
  for (const option of active.options) {
    const name = option.long?.slice(2) ?? ''
    const value = own[name] ?? forAll[name]
    if (value !== undefined) setOption(use, option, value)
  }
}

function setOption({ active, file }: ConfigurationUse, option: Option, value: unknown): void {
  const attribute = option.attributeName()
  const source = active.getOptionValueSource(attribute)
  if (source !== undefined && source !== 'default') return
  const name = option.long?.slice(2)
  const refuse = (what: string): Error =>
    cliError('LW_CLI_CONFIG', { detail: `${file}: "${name}" takes ${what}.` })
  if (option.isBoolean()) {
    if (typeof value !== 'boolean') throw refuse('true or false')
    active.setOptionValueWithSource(attribute, value, 'config')
    return
  }
  const given: readonly unknown[] = Array.isArray(value) ? value : [value]
  let parsed: unknown
  for (const one of given) {
    if (typeof one !== 'string' && typeof one !== 'number') throw refuse('text')
    try {
      parsed = option.parseArg === undefined ? String(one) : option.parseArg(String(one), parsed)
    } catch {
      throw refuse(option.argChoices?.join(', ') ?? 'another value')
    }
  }
  // Only repeatable options gather into a list.
  if (given.length !== 1 && !Array.isArray(parsed)) throw refuse('one value, not a list')
  active.setOptionValueWithSource(attribute, parsed, 'config')
}

async function refuseUnknown(
  file: string,
  values: Readonly<Record<string, unknown>>,
  knownNames: () => Promise<ReadonlySet<string>>,
): Promise<void> {
  const keys = Object.keys(values)
  if (keys.length === 0) return
  const known = await knownNames()
  for (const key of keys) {
    if (!known.has(key))
      throw unknownName(file, `"${key}", which is no option`, nearest(key, known))
  }
}

function unknownName(file: string, what: string, near: string | undefined): Error {
  return cliError('LW_CLI_CONFIG', {
    detail: `${file} sets ${what}.`,
    ...(near === undefined ? {} : { next: `Did you mean "${near}"?` }),
  })
}

function topCommand(active: Command): Command {
  let top = active
  while (top.parent?.parent != null) top = top.parent
  return top
}

function namesOf(command: Command): ReadonlySet<string> {
  const names = new Set<string>()
  const add = (one: Command): void => {
    for (const option of one.options) names.add(option.long?.slice(2) ?? '')
    for (const below of one.commands) add(below)
  }
  add(command)
  return names
}

/** Options of every command: only a configuration with names at its top pays for that. */
async function namesOfAll(table: readonly CommandEntry[]): Promise<ReadonlySet<string>> {
  const names = new Set(['home', 'json', 'quiet', 'yes'])
  for (const entry of table) {
    const command = new Command(entry.name)
    const module = await entry.load()
    module.declare(command, () => async () => undefined)
    for (const name of namesOf(command)) names.add(name)
  }
  return names
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
