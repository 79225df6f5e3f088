import path from 'node:path'
import { ExitCode } from '../../../protocol/index.ts'
import { collectGarbage } from '../../../transmitter/index.ts'
import { wholeNumber } from '../../options/index.ts'
import { countText, sizeText } from '../../output/index.ts'
import type { Session } from '../../session.ts'

/** `longwave transmitter gc` */
export async function collectGarbageNow(
  session: Session,
  flags: { readonly data?: string; readonly retain?: string; readonly dryRun?: boolean },
): Promise<number> {
  const summary = await collectGarbage({
    directory: path.resolve(flags.data ?? path.join(session.home, 'transmitter')),
    ...(flags.retain === undefined
      ? {}
      : { retainedReleases: wholeNumber('--retain', flags.retain, 1, 10_000) }),
    dryRun: flags.dryRun === true,
    signal: session.signal,
  })
  session.output.emit({ type: 'collected', ...summary })
  session.output.print(
    `${summary.dryRun ? 'Would free' : 'Freed'} ${sizeText(summary.bytes)}: ${countText(summary.objects, 'object')} (${summary.orphans} that nobody knew of), ${countText(summary.bundles, 'bundle')}, ${countText(summary.uploads, 'broken upload')}.`,
  )
  if (summary.releases > 0) {
    session.output.print(
      `${countText(summary.releases, 'release')} left retention; their objects stay for a while yet.`,
    )
  }
  return ExitCode.ok
}
