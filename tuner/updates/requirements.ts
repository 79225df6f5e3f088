import { isReservedName, type Manifest, updatingName } from '../../protocol/index.ts'
import { tunerError } from '../errors.ts'
import type { Subscription } from '../subscriptions/index.ts'

/** What a manifest may ask of a tuner, as far as this version knows. */
const known = new Set(['trusted'])

/**
 * Refuses a release before its files are fetched when the manifest asks for what this tuner or this
 * subscription does not have (docs/formats/manifest.md).
 * @throws LW_TUNER_REQUIRES, LW_TUNER_FIRST_USE
 */
export function requireCapabilities(subscription: Subscription, manifest: Manifest): void {
  const requires = manifest.requires ?? []
  const unknown = requires.filter((name) => !known.has(name))
  if (unknown.length > 0) {
    throw tunerError('LW_TUNER_REQUIRES', {
      detail: `Release ${manifest.release} requires ${unknown.join(', ')}.`,
      members: { requires: unknown },
      untouched: 'What is installed stays in use.',
      next: 'Install a newer version of Longwave.',
    })
  }
  // Who runs native code on the word of the host that sends it trusts that host with the machine.
  if (requires.includes('trusted') && subscription.firstUse !== 'pinned') {
    throw tunerError('LW_TUNER_FIRST_USE', {
      detail: `${subscription.name} is a trusted channel.`,
      untouched: 'Nothing of it was installed.',
      next: `Subscribe with the link that its publisher gives: ${subscription.url}#CHANNEL-ID`,
    })
  }
}

/**
 * Refuses a release that has the name under which updates of a folder are prepared: what lies there
 * could be told from an update under way by nobody, and would be removed with it.
 * @throws LW_TUNER_FOLDER_REFUSED
 */
export function requireNoReservedName(manifest: Manifest): void {
  const taken = manifest.entries.find(({ path }) => isReservedName(path.split('/', 1)[0] ?? ''))
  if (taken === undefined) return
  throw tunerError('LW_TUNER_FOLDER_REFUSED', {
    detail: `Release ${manifest.release} has ${JSON.stringify(taken.path)}, and ${updatingName} is where its updates would be prepared.`,
    untouched: 'The folder is as it was.',
    next: 'Subscribe without --into, or ask the publisher to leave that folder out.',
  })
}
