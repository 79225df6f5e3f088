import type { Command } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import { cliError } from '../failure/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'

/** `longwave completion SHELL` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText(
      'after',
      `
Examples:
  longwave completion bash > /etc/bash_completion.d/longwave
  longwave completion fish > ~/.config/fish/completions/longwave.fish

Exit codes: 0 ok, 2 unknown shell.`,
    )
    .action(
      run((session: Session, shell: string) =>
        completion(session, shell, command.parent?.commands ?? []),
      ),
    )
}

async function completion(
  session: Session,
  shell: string,
  commands: readonly Command[],
): Promise<number> {
  const script = scriptFor(shell, commands)
  if (script === undefined) {
    throw cliError('LW_CLI_USAGE', {
      detail: `There is no completion for ${JSON.stringify(shell)}.`,
    })
  }
  session.output.emit({ type: 'completion', shell, script })
  if (!session.output.json) process.stdout.write(script)
  return ExitCode.ok
}

function scriptFor(shell: string, commands: readonly Command[]): string | undefined {
  const words = commands.map((one) => one.name()).join(' ')
  if (shell === 'bash') {
    return `_longwave() {
  local word="\${COMP_WORDS[COMP_CWORD]}"
  if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W '${words}' -- "$word"))
  else COMPREPLY=($(compgen -f -- "$word")); fi
}
complete -F _longwave longwave
`
  }
  if (shell === 'zsh') {
    return `#compdef longwave
if (( CURRENT == 2 )); then compadd ${words}; else _files; fi
`
  }
  if (shell === 'fish') {
    return commands
      .map(
        (one) =>
          `complete -c longwave -n __fish_use_subcommand -a ${one.name()} -d '${one.description().replace(/'/g, "\\'")}'\n`,
      )
      .join('')
  }
  return undefined
}
