import path from 'node:path'
import { ExitCode } from '../../../protocol/index.ts'
import { checkStore, type CheckSummary } from '../../../transmitter/index.ts'
import { countText, sizeText } from '../../output/index.ts'
import type { Session } from '../../session.ts'

const shownMax = 100

/** `longwave transmitter fsck` */
export async function check(
  session: Session,
  flags: { readonly data?: string; readonly repair?: boolean; readonly contents: boolean },
): Promise<number> {
  const progress = session.progress()
  try {
    const summary = await checkStore({
      directory: path.resolve(flags.data ?? path.join(session.home, 'transmitter')),
      repair: flags.repair === true,
      contents: flags.contents,
      signal: session.signal,
      onProgress: ({ bytes }) => progress.update('checking', bytes, bytes),
    })
    progress.stop()
    return report(session, summary)
  } finally {
    progress.stop()
  }
}

function report({ output }: Session, summary: CheckSummary): number {
  const { findings, findingsOmitted, ...counts } = summary
  for (const finding of findings) output.emit({ type: 'finding', ...finding })
  output.emit({ type: 'checked', ...counts, findings: findings.length + findingsOmitted })
  for (const finding of findings.slice(0, shownMax)) {
    const where = [finding.channel, finding.release, finding.object?.slice(0, 16)]
      .filter((part) => part !== undefined)
      .join(' ')
    output.print(
      `${finding.severity.padEnd(8)} ${finding.kind.padEnd(15)} ${where}  ${finding.detail}${finding.repaired === true ? ' Mended.' : ''}`,
    )
  }
  const more = findings.length + findingsOmitted - Math.min(findings.length, shownMax)
  if (more > 0) output.print(`and ${more} more`)
  output.print(
    `${summary.sound ? 'Sound' : 'Damaged'}: ${countText(summary.channels, 'channel')}, ${countText(summary.releases, 'release')}, ${countText(summary.objects, 'object')}, ${sizeText(summary.bytes)}.`,
  )
  if (summary.sound) return ExitCode.ok
  output.note('Set damaged objects aside with: longwave transmitter fsck --repair')
  output.note('Then publish the same directories again: what is missing is sent anew.')
  return ExitCode.integrity
}
