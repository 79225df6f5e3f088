import type { CommitRequest, CommitResult, Manifest } from '../../protocol/index.ts'

/** A commit whose signatures and objects were found to be right. */
export interface PendingCommit {
  readonly manifest: Manifest
  readonly request: CommitRequest
  readonly isNewRelease: boolean
}

/** What a hook has to tell the publisher. */
export interface CommitNotes {
  readonly warnings?: readonly string[]
  readonly repeaters?: CommitResult['repeaters']
}

/** What other rooms do at a commit: keep a plug-in, prepare repeaters. */
export interface CommitHook {
  /** Before the switch; may take its time, and refuses by throwing. May be called again. */
  before?(commit: PendingCommit): Promise<CommitNotes>
  /** After the switch; the publisher's answer waits for it a little. Must not throw. */
  after?(commit: PendingCommit): void | Promise<void>
}

/** Runs what comes before a switch, one hook after the other. */
export async function beforeCommit(
  hooks: readonly CommitHook[],
  commit: PendingCommit,
): Promise<Required<CommitNotes>> {
  const warnings: string[] = []
  const repeaters: CommitResult['repeaters'] = []
  for (const hook of hooks) {
    const notes = await hook.before?.(commit)
    warnings.push(...(notes?.warnings ?? []))
    repeaters.push(...(notes?.repeaters ?? []))
  }
  return { warnings, repeaters }
}
