import type { Command } from 'commander'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'

/** `longwave demo` */
export function declare(command: Command, run: Runner): void {
  command
    .option('--keep', 'keep the folders, to look at them and to go on by hand')
    .addHelpText(
      'after',
      `
Runs the main job once in a temporary folder, with figures, and removes the folder afterwards.

Examples:
  longwave demo
  longwave demo --keep

Exit codes: 0 everything went as it should, 1 something did not.`,
    )
    .action(run(demo))
}

async function demo(session: Session, flags: { readonly keep?: boolean }): Promise<number> {
  const { runDemo } = await import('../demo/index.ts')
  return runDemo(session, { keep: flags.keep === true })
}
