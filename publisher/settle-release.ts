import { isLongwaveError } from '../protocol/index.ts'
import { publishError } from './errors.ts'
import type { Committed, Run } from './publish-act.ts'
import { dropWaiting, openChannel, withRelease } from './sign/index.ts'

/** Notes the new release and looks whether the transmitter shows it to subscribers. */
export async function settle(run: Run, committed: Committed): Promise<void> {
  const { folder, api, context, options } = run
  const { open, plan, result } = committed
  const { manifest } = plan
  if (result.manifest !== plan.id || result.release !== manifest.release) {
    throw publishError('LW_PUBLISH_WRONG_ANSWER', {
      detail: `It says that it took release ${result.release} as ${result.manifest}.`,
    })
  }
  await folder.saveManifest('head', plan.bytes)
  const release = {
    release: manifest.release,
    manifest: plan.id,
    bytes: plan.bytes.byteLength,
    ...(manifest.label === undefined ? {} : { label: manifest.label }),
  }
  const known = open.record.roots.slice(0, open.root.view.version - open.newRoots.length)
  const roots = open.replaces === 0 ? open.newRoots : [...known, ...open.newRoots]
  const record = withRelease({ ...open.record, pending: undefined, roots }, release)
  await folder.save(record)
  await folder.dropPending()
  await dropWaiting(context, folder.directory)
  try {
    const state = { ...committed.state, channel: open.channelId }
    await openChannel({ context, api, state, folder, acceptOnlineKey: false, dryRun: false })
  } catch (error) {
    if (!isLongwaveError(error) || options.signal?.aborted === true) throw error
    run.warnings.push(`The release is committed, and reading it back failed: ${error.message}`)
  }
}
