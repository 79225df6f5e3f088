import type { Command } from 'commander'

const strength: Readonly<Record<string, number>> = { cli: 4, env: 3, config: 2, default: 1 }

/**
 * The value of an option that may stand behind the program, the command or its subcommand: the
 * command line wins over the environment, the environment over the configuration.
 */
export function strongestOption(active: Command, name: string): unknown {
  let found: unknown
  let best = 0
  for (let at: Command | null = active; at !== null; at = at.parent) {
    const weight = strength[at.getOptionValueSource(name) ?? ''] ?? 0
    if (weight <= best) continue
    found = at.getOptionValue(name)
    best = weight
  }
  return found
}
