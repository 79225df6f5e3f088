import type { Manifest } from '../../protocol/index.ts'
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
