import {
  type ChannelAttributes,
  type ChannelName,
  type Digest,
  type Entry,
  type Json,
  type Manifest,
  canonicalJson,
  checkManifest,
  encodeManifest,
  holdsMain,
  isLongwaveError,
  limits,
  manifestFormat,
  manifestId,
} from '../../protocol/index.ts'
import { timeText } from '../../trust/index.ts'
import { publishError } from '../errors.ts'
import { type ContentChanges, compareEntries } from './compare-entries.ts'

export interface PlanOptions {
  readonly channelId: Digest
  readonly name: ChannelName
  /** The manifest of the newest release; undefined for the first publish. */
  readonly previous: Manifest | undefined
  readonly entries: readonly Entry[]
  readonly attributes: ChannelAttributes
  readonly label: string | undefined
  /** Number of the release that is planned. */
  readonly release: number
  readonly nowMs: number
}

export interface ReleasePlan {
  readonly manifest: Manifest
  readonly bytes: Uint8Array
  readonly id: Digest
  readonly changes: ContentChanges
  readonly attributesChanged: boolean
  /** True when a release would say nothing new. */
  readonly nothingNew: boolean
}

/**
 * The next release of a channel, from what the last one was and what the directory is.
 * @throws LW_PUBLISH_ATTRIBUTE, LW_PUBLISH_TOO_LARGE, LW_FORMAT_PATH_COLLISION
 */
export function planRelease(options: PlanOptions): ReleasePlan {
  const { previous, entries, attributes, label } = options
  if (label !== undefined && !isLabel(label)) {
    throw publishError('LW_PUBLISH_ATTRIBUTE', {
      detail: `The label ${JSON.stringify(label)} is not one line of at most ${limits.labelCharactersMax} characters.`,
      untouched: 'Nothing was published.',
    })
  }
  const manifest: Manifest = {
    ...attributes,
    format: manifestFormat,
    channel: options.channelId,
    name: options.name,
    release: options.release,
    ...(label === undefined ? {} : { label }),
    published: timeText(options.nowMs),
    entries,
  }
  checked(manifest)
  if (!holdsMain(manifest)) {
    throw publishError('LW_PUBLISH_ATTRIBUTE', {
      detail: `The main ${JSON.stringify(manifest.main)} is no file of the directory.`,
      untouched: 'Nothing was published.',
      next: 'Name another with --main, or clear it with --main none.',
    })
  }
  const bytes = encodeManifest(manifest)
  if (bytes.byteLength > limits.manifestBytesMax) {
    throw publishError('LW_PUBLISH_TOO_LARGE', {
      detail: `The manifest has ${bytes.byteLength} bytes, at most ${limits.manifestBytesMax}.`,
      untouched: 'Nothing was published.',
    })
  }
  const changes = compareEntries(previous?.entries ?? [], entries)
  const attributesChanged =
    previous === undefined ||
    (label !== undefined && label !== previous.label) ||
    attributesText(previous) !== attributesText(manifest)
  const sameContent = changes.added + changes.changed + changes.removed === 0
  return {
    manifest,
    bytes,
    id: manifestId(bytes),
    changes,
    attributesChanged,
    nothingNew: previous !== undefined && sameContent && !attributesChanged,
  }
}

/** Whether two manifests say the same but for the time of publishing. */
export function sameButTime(a: Manifest, b: Manifest): boolean {
  return (
    a.release === b.release &&
    a.channel === b.channel &&
    a.name === b.name &&
    a.label === b.label &&
    attributesText(a) === attributesText(b) &&
    canonicalJson(a.entries as unknown as Json) === canonicalJson(b.entries as unknown as Json)
  )
}

function attributesText(manifest: Manifest): string {
  const { format, channel, name, release, label, published, entries, ...attributes } = manifest
  return canonicalJson(attributes as unknown as Json)
}

function isLabel(label: string): boolean {
  return label !== '' && label.length <= limits.labelCharactersMax && !/\p{Cc}/u.test(label)
}

function checked(manifest: Manifest): void {
  try {
    checkManifest(manifest)
  } catch (cause) {
    if (!isLongwaveError(cause, 'LW_FORMAT_DOCUMENT')) throw cause
    throw publishError('LW_PUBLISH_TOO_LARGE', {
      detail: cause.detail ?? 'The manifest could not be made.',
      untouched: 'Nothing was published.',
      cause,
    })
  }
}

/** The attributes of a manifest alone. */
export function attributesOf(manifest: Manifest): ChannelAttributes {
  const { format, channel, name, release, label, published, entries, ...attributes } = manifest
  return attributes
}
