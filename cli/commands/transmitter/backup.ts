import path from 'node:path'
import { ExitCode } from '../../../protocol/index.ts'
import { backupTo, restoreFrom } from '../../../transmitter/index.ts'
import { countText, sizeText } from '../../output/index.ts'
import type { Session } from '../../session.ts'

interface Flags {
  readonly data?: string
}

/** `longwave transmitter backup DIR` */
export async function backup(session: Session, to: string, flags: Flags): Promise<number> {
  const progress = session.progress()
  try {
    const summary = await backupTo({
      directory: dataFolder(session, flags),
      to: path.resolve(to),
      signal: session.signal,
      onProgress: ({ bytes }) => progress.update('copying', bytes, bytes),
    })
    progress.stop()
    session.output.emit({ type: 'backup', ...summary })
    session.output.print(
      `${summary.directory}: ${countText(summary.objects, 'object')}, ${sizeText(summary.bytes)}; ${summary.addedObjects} added, ${summary.linkedObjects} of them linked.`,
    )
    if (summary.missing.length === 0) return ExitCode.ok
    session.output.note(
      `${countText(summary.missing.length, 'object')} missing: longwave transmitter fsck says more.`,
    )
    return ExitCode.partial
  } finally {
    progress.stop()
  }
}

/** `longwave transmitter restore DIR` */
export async function restore(session: Session, from: string, flags: Flags): Promise<number> {
  const summary = await restoreFrom({
    directory: dataFolder(session, flags),
    from: path.resolve(from),
    signal: session.signal,
  })
  const { check, ...restored } = summary
  session.output.emit({ type: 'restored', ...restored, sound: check.sound })
  session.output.print(
    `Restored ${countText(summary.channels, 'channel')}, ${countText(summary.objects, 'object')}, ${sizeText(summary.bytes)} as of ${summary.made}.`,
  )
  session.output.print('What was published since then must be published again.')
  for (const finding of check.findings) {
    session.output.note(`${finding.severity}: ${finding.kind} ${finding.detail}`)
  }
  return check.sound ? ExitCode.ok : ExitCode.integrity
}

function dataFolder(session: Session, flags: Flags): string {
  return path.resolve(flags.data ?? path.join(session.home, 'transmitter'))
}
