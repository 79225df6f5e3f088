import type { Command } from 'commander'
import type { Runner } from '../../program.ts'
import { backup, restore } from './backup.ts'
import { check } from './check.ts'
import { collectGarbageNow } from './garbage.ts'

const dataOption = ['--data <dir>', 'where channels are kept (default: HOME/transmitter)'] as const

/** `fsck`, `gc`, `backup` and `restore`: what looks after the data of a transmitter. */
export function declareMaintenance(command: Command, run: Runner): void {
  command
    .command('fsck')
    .description('compare everything that is stored with what it should be; changes nothing')
    .option(...dataOption)
    .option('--repair', 'set damaged objects aside, remove what nobody refers to')
    .option('--no-contents', 'look at names and sizes only')
    .addHelpText(
      'after',
      `
Safe while transmitters serve the data.

Examples:
  longwave transmitter fsck
  longwave transmitter fsck --repair --data /srv/longwave

Exit codes: 0 sound, 10 no data there, 13 damaged.`,
    )
    .action(run(check))
  command
    .command('gc')
    .description('free what no reader needs any more')
    .option(...dataOption)
    .option('--retain <releases>', 'how many releases of a channel stay retained')
    .option('--dry-run', 'say what would go')
    .addHelpText(
      'after',
      `
Safe while transmitters serve the data; they do it by themselves once a day as well.

Examples:
  longwave transmitter gc --dry-run
  longwave transmitter gc --retain 5

Exit codes: 0 ok, 10 no data there.`,
    )
    .action(run(collectGarbageNow))
  command
    .command('backup')
    .argument('<dir>', 'an empty folder, or an earlier backup to bring up to date')
    .description('write a complete, consistent copy')
    .option(...dataOption)
    .addHelpText(
      'after',
      `
Safe while transmitters serve the data. The copy holds the on-line keys: keep it private.

Examples:
  longwave transmitter backup /backup/longwave

Exit codes: 0 ok, 1 the folder holds something else, 3 objects were missing, 10 no data there.`,
    )
    .action(run(backup))
  command
    .command('restore')
    .argument('<dir>', 'a folder that backup wrote')
    .description('make an empty data folder what a backup says, every object verified')
    .option(...dataOption)
    .addHelpText(
      'after',
      `
Examples:
  longwave transmitter restore /backup/longwave --data /srv/longwave

Exit codes: 0 ok, 1 the data folder is not empty, 11 a transmitter uses it, 13 damaged.`,
    )
    .action(run(restore))
}
