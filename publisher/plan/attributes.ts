import {
  type AssignmentPolicy,
  type ChannelAttributes,
  type ChannelKind,
  type Digest,
  type RepeaterMember,
  checkManifest,
  isLongwaveError,
  manifestFormat,
  parseSchedule,
} from '../../protocol/index.ts'
import { publishError } from '../errors.ts'

/** Clears an attribute. */
export const none = 'none'

/** What a publish says of the channel; what is left out keeps the last release's value. */
export interface AttributeChanges {
  readonly title?: string | undefined
  readonly description?: string | undefined
  readonly category?: string | undefined
  readonly schedule?: string | undefined
  readonly kind?: string | undefined
  readonly main?: string | undefined
  /** The whole new list; `none` or an empty list clears it. */
  readonly repeaters?: readonly RepeaterMember[] | typeof none | undefined
  readonly assignment?: AssignmentPolicy | undefined
  /** Whether a tuner must grant the channel rights beyond its own folder. */
  readonly trusted?: boolean | undefined
  readonly access?: 'open' | 'closed' | undefined
  /** Path prefixes that the plug-in may overlay. */
  readonly pluginPaths?: readonly string[] | typeof none | undefined
  /** SHA-256 of the plug-in's module. */
  readonly pluginModule?: Digest | typeof none | undefined
}

/** Public keys that the transmitter shows, as SPKI DER in Base64. */
export interface TransmitterKeys {
  readonly ticketKey: string
  readonly overlayKey: string
}

const texts = ['title', 'description', 'category', 'schedule', 'main'] as const

/**
 * The attributes of the next release: those of the last one, with the changes.
 * @throws LW_PUBLISH_ATTRIBUTE, LW_FORMAT_SCHEDULE
 */
export function nextAttributes(
  previous: ChannelAttributes | undefined,
  changes: AttributeChanges,
  keys: TransmitterKeys | undefined,
): ChannelAttributes {
  const next: Record<string, unknown> = { kind: nextKind(previous, changes) }
  for (const name of texts) {
    const value = changes[name] ?? previous?.[name]
    if (value !== undefined && value !== none && value !== '') next[name] = value
  }
  if (typeof next['schedule'] === 'string') parseSchedule(next['schedule'])
  const repeaters = nextRepeaters(previous, changes)
  if (repeaters !== undefined) next['repeaters'] = repeaters
  const requires = nextRequires(previous, changes)
  if (requires.length > 0) next['requires'] = requires
  const access = changes.access ?? previous?.access
  if (access !== undefined) next['access'] = access
  if (access === 'closed') {
    if (keys === undefined) {
      throw attribute(
        'A closed channel needs a live transmitter; the static form cannot close one.',
      )
    }
    next['ticketKey'] = keys.ticketKey
  }
  const plugin = nextPlugin(previous, changes, keys)
  if (plugin !== undefined) next['plugin'] = plugin
  return checkAttributes(next)
}

/**
 * Refuses what is wrong with the changes whatever the last release says, before anything is
 * scanned, sent or made.
 * @throws LW_PUBLISH_ATTRIBUTE, LW_FORMAT_SCHEDULE
 */
export function refuseAttributes({ title, schedule }: AttributeChanges = {}): void {
  nextAttributes(undefined, { title, schedule }, undefined)
}

function nextKind(previous: ChannelAttributes | undefined, changes: AttributeChanges): ChannelKind {
  const kind = changes.kind ?? previous?.kind ?? 'files'
  return (kind === none ? 'files' : kind) as ChannelKind
}

function nextRepeaters(
  previous: ChannelAttributes | undefined,
  changes: AttributeChanges,
): ChannelAttributes['repeaters'] {
  const kept = previous?.repeaters
  const members = changes.repeaters ?? kept?.members ?? []
  if (members === none || members.length === 0) {
    if (changes.assignment !== undefined && changes.repeaters === undefined) {
      throw attribute('An assignment policy needs repeaters.')
    }
    return undefined
  }
  const assignment =
    changes.assignment ??
    kept?.assignment ??
    (members.every((member) => member.zone !== undefined) ? 'time-zone' : 'round-robin')
  if (assignment === 'time-zone' && members.some((member) => member.zone === undefined)) {
    throw attribute('Assignment by time zone needs a zone for every repeater: URL=+01:00.')
  }
  return { assignment, members }
}

function nextRequires(
  previous: ChannelAttributes | undefined,
  changes: AttributeChanges,
): readonly string[] {
  const kept = previous?.requires ?? []
  if (changes.trusted === undefined) return kept
  const others = kept.filter((name) => name !== 'trusted')
  return changes.trusted ? [...others, 'trusted'] : others
}

function nextPlugin(
  previous: ChannelAttributes | undefined,
  changes: AttributeChanges,
  keys: TransmitterKeys | undefined,
): ChannelAttributes['plugin'] {
  const { pluginPaths, pluginModule } = changes
  const kept = previous?.plugin
  if (pluginPaths === undefined && pluginModule === undefined) return kept
  if (pluginModule === none || (pluginPaths === none && pluginModule === undefined)) {
    return undefined
  }
  if (keys === undefined) throw attribute('A plug-in needs a live transmitter.')
  const paths = pluginPaths === none ? [] : (pluginPaths ?? kept?.paths ?? [])
  const module = pluginModule ?? kept?.module
  return { key: keys.overlayKey, paths, ...(module === undefined ? {} : { module }) }
}

/** The rules of manifests, before anything is scanned or sent. */
function checkAttributes(attributes: Record<string, unknown>): ChannelAttributes {
  try {
    checkManifest({
      ...attributes,
      format: manifestFormat,
      channel: '0'.repeat(64),
      name: 'x',
      release: 1,
      published: '2000-01-01T00:00:00Z',
      entries: [],
    })
  } catch (cause) {
    if (!isLongwaveError(cause, 'LW_FORMAT_DOCUMENT')) throw cause
    throw attribute(cause.detail ?? 'It is not what a manifest takes.', cause)
  }
  return attributes as unknown as ChannelAttributes
}

function attribute(detail: string, cause?: unknown): Error {
  return publishError('LW_PUBLISH_ATTRIBUTE', {
    detail,
    cause,
    untouched: 'Nothing was published.',
  })
}
