import { Command } from 'commander'
import t from 'tap'
import { commandTable } from '../../cli/command-table.ts'

interface Help {
  readonly name: string
  readonly text: string
}

/** The help of a command and of those below it that do something. */
function helpOf(command: Command, path: string): readonly Help[] {
  const name = `${path} ${command.name()}`
  const below = command.commands.flatMap((one) => helpOf(one, name))
  let text = ''
  command.configureOutput({
    writeOut: (part) => {
      text += part
    },
  })
  command.outputHelp()
  return [{ name, text }, ...below]
}

async function allHelp(): Promise<readonly Help[]> {
  const all: Help[] = []
  for (const entry of commandTable) {
    const command = new Command(entry.name).description(entry.summary)
    const module = await entry.load()
    module.declare(command, () => async () => undefined)
    all.push(...helpOf(command, 'longwave'))
  }
  return all
}

t.test('C105: the help of every command teaches by example and names its exit codes', async (t) => {
  const help = await allHelp()
  t.ok(help.length > 40, String(help.length))
  const tops = new Set(commandTable.map((entry) => `longwave ${entry.name}`))
  for (const { name, text } of help.filter((one) => tops.has(one.name))) {
    // A command with commands below may leave the teaching to them.
    const taught = help.filter((one) => one.name === name || one.name.startsWith(`${name} `))
    t.ok(
      taught.some((one) => /Examples?:\n/.test(one.text)),
      `${name} has examples`,
    )
    t.ok(
      taught.some((one) => /Exit codes: /.test(one.text)),
      `${name} names its exit codes`,
    )
    t.match(text, new RegExp(`Usage: ${name.split(' ')[1]}`), name)
  }
  for (const { name, text } of help) {
    for (const [line] of text.matchAll(/^ {2}(?:LONGWAVE_\S+ )?longwave .*$/gm)) {
      t.ok(line.length <= 100, `${name}: ${line}`)
    }
  }
})

/** The words of an example as a shell would pass them; what follows a comment or `&&` is left out. */
function wordsOf(line: string): readonly string[] {
  const [command = ''] = line.split(/ {2,}(?=\S)| # | && | \| | > /)
  return [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) =>
    String(match[1] ?? match[2] ?? match[3]),
  )
}

t.test('C105: every example in the help is a command line that is understood', async (t) => {
  const modules = new Map(
    await Promise.all(commandTable.map(async ({ name, load }) => [name, await load()] as const)),
  )
  let examples = 0
  for (const { name, text } of await allHelp()) {
    for (const [line] of text.matchAll(/^ {2}(?:LONGWAVE_\S+ )?longwave .*$/gm)) {
      const [, top = '', ...rest] = wordsOf(line.trim().replace(/^LONGWAVE_\S+ /, ''))
      const command = new Command(top)
      modules.get(top)?.declare(command, () => async () => undefined)
      quiet(command)
      const failure = await command.parseAsync(rest, { from: 'user' }).then(
        () => undefined,
        (error: unknown) => String(error),
      )
      t.equal(failure, undefined, `${name}: ${line.trim()}`)
      examples++
    }
  }
  t.ok(examples > 60, String(examples))
})

function quiet(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => undefined })
  for (const [flag, text] of Object.entries(globalFlags)) {
    if (!command.options.some((option) => option.long === flag.split(' ')[0])) {
      command.option(flag, text)
    }
  }
  for (const below of command.commands) quiet(below)
}

const globalFlags = { '--home <dir>': '', '--config <file>': '', '--json': '', '--yes': '' }
