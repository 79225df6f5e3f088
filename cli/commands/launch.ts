import { spawn } from 'node:child_process'
import type { Command } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import type { LaunchPlan } from '../../tuner/index.ts'
import { cliError } from '../failure/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { openTuner } from '../tuner-session.ts'

/** `longwave launch CHANNEL` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<channel>', 'name or URL')
    .argument('[args...]', 'arguments for the command')
    .option('--print', 'only say what would be opened or run')
    .addHelpText(
      'after',
      `
Every file is checked first, and mended where it is damaged. Pages open in the browser; commands
run in a sandbox unless longwave trust lifted it.

Examples:
  longwave launch handbook
  longwave launch app -- --verbose
  longwave launch app --print

Exit codes: the command's own; 10 no such subscription, 12 not trusted, 13 damaged.`,
    )
    .action(run(launch))
}

async function launch(
  session: Session,
  word: string,
  args: readonly string[],
  flags: { readonly print?: boolean },
): Promise<number> {
  const tuner = await openTuner(session)
  const [subscription] = await tuner.select(word)
  if (subscription === undefined) throw cliError('LW_CLI_USAGE', { detail: 'No such channel.' })
  const plan = await tuner.prepareLaunch(subscription, { signal: session.signal })
  await tuner.stop()
  session.output.emit({ type: 'launch', channel: subscription.name, ...plan })
  if (flags.print === true) {
    session.output.print(
      plan.kind === 'page' ? plan.url : [plan.command, ...plan.arguments, ...args].join(' '),
    )
    return ExitCode.ok
  }
  if (plan.kind === 'page') {
    session.output.print(plan.url)
    return openPage(plan.url)
  }
  return runCommand(plan, args)
}

/** Opens a page with what the desktop has; without a desktop the URL on stdout has to do. */
function openPage(url: string): Promise<number> {
  const opener = { darwin: 'open', win32: 'explorer' }[process.platform as string] ?? 'xdg-open'
  return new Promise((resolve) => {
    const child = spawn(opener, [url], { stdio: 'ignore', detached: true })
    child.once('error', () => resolve(ExitCode.ok))
    child.once('spawn', () => {
      child.unref()
      resolve(ExitCode.ok)
    })
  })
}

/**
 * A publisher's secrets are nothing for a channel's command; in a sandbox it gets no options for
 * Node either, since those could open the sandbox again.
 */
function environmentFor(plan: Extract<LaunchPlan, { kind: 'command' }>): NodeJS.ProcessEnv {
  const environment = { ...process.env }
  for (const name of Object.keys(environment)) {
    const isOurs = name.startsWith('LONGWAVE_')
    if (isOurs || (plan.isSandboxed && name.startsWith('NODE_'))) delete environment[name]
  }
  return environment
}

function runCommand(
  plan: Extract<LaunchPlan, { kind: 'command' }>,
  args: readonly string[],
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(plan.command, [...plan.arguments, ...args], {
      stdio: 'inherit',
      cwd: plan.directory,
      env: { ...environmentFor(plan), ...plan.environment },
    })
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)))
  })
}
