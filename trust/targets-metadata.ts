import { type Digest, isDigest, limits as formatLimits } from '../protocol/index.ts'
import { limits } from './limits.ts'
import { type SignedFile, type SignedView, parseSignedFile } from './signed-file.ts'
import {
  type StrictRecord,
  exactRecord,
  integerOf,
  malformed,
  openRecord,
  recordOf,
} from './strict-record.ts'
import { parseTime } from './times.ts'

/** A delta between two whole releases that the publisher made and vouches for. */
export interface SignedBundle {
  /** The release that it starts from; it ends in the one that is signed here. */
  readonly from: number
  readonly sha256: Digest
  readonly bytes: number
  /** The name of its format (docs/formats/bundle.md). */
  readonly format: string
}

/** What a publisher signs of the head of a channel: the one TUF target, `manifest`. */
export interface ReleaseTarget {
  /** The manifest id. */
  readonly sha256: Digest
  /** Bytes of the manifest. */
  readonly bytes: number
  readonly release: number
  readonly label?: string
  readonly entries: number
  readonly totalBytes: number
  readonly largestFileBytes: number
  /** The lowest release that undo may reach. */
  readonly minimum?: number
  /** From when (RFC 3339), and over how many seconds, tuners are let in. */
  readonly rollout?: { readonly from: string; readonly over: number }
  /** The channel is deleted: its name stays reserved, and this is its last release. */
  readonly ended?: true
  readonly bundles?: readonly SignedBundle[]
}

export interface TargetsView extends SignedView {
  readonly channelId: Digest
  readonly head: ReleaseTarget
}

export type TargetsFile = SignedFile<TargetsView>

/** The name of the one target. */
export const manifestTarget = 'manifest'

/**
 * Checks the form of a targets file: one target, no delegations, sane figures.
 * @throws LW_FORMAT_JSON, LW_FORMAT_DOCUMENT, LW_FORMAT_TOO_LARGE
 */
export function parseTargets(bytes: Uint8Array): TargetsFile {
  return parseSignedFile(bytes, 'targets', readTargets)
}

function readTargets(signed: StrictRecord, common: SignedView): TargetsView {
  if (Object.hasOwn(signed, 'delegations')) throw malformed('targets', 'it delegates')
  const channelId = signed['channel']
  if (!isDigest(channelId)) throw malformed('targets', 'channel is not a channel id')
  const targets = exactRecord('targets', 'targets', signed['targets'], {
    required: [manifestTarget],
  })
  const target = exactRecord('targets', 'the target', targets[manifestTarget], {
    required: ['custom', 'hashes', 'length'],
  })
  const hashes = exactRecord('targets', 'hashes', target['hashes'], { required: ['sha256'] })
  const sha256 = hashes['sha256']
  if (!isDigest(sha256)) throw malformed('targets', 'sha256 is not a digest')
  const bytes = integerOf('targets', 'length', target['length'], {
    min: 1,
    max: formatLimits.manifestBytesMax,
  })
  return { ...common, channelId, head: { sha256, bytes, ...readCustom(target['custom']) } }
}

type Custom = Omit<ReleaseTarget, 'sha256' | 'bytes'>

function readCustom(value: unknown): Custom {
  const custom = openRecord('targets', 'custom', value, [
    'entries',
    'largestFileBytes',
    'release',
    'totalBytes',
  ])
  const release = integerOf('targets', 'release', custom['release'], { min: 1 })
  const totalBytes = integerOf('targets', 'totalBytes', custom['totalBytes'], { min: 0 })
  return {
    release,
    ...readLabel(custom['label']),
    entries: integerOf('targets', 'entries', custom['entries'], {
      min: 0,
      max: formatLimits.entriesMax,
    }),
    totalBytes,
    largestFileBytes: integerOf('targets', 'largestFileBytes', custom['largestFileBytes'], {
      min: 0,
      max: Math.min(totalBytes, formatLimits.fileBytesMax),
    }),
    ...readMinimum(custom['minimum'], release),
    ...readRollout(custom['rollout']),
    ...readEnded(custom['ended']),
    ...readBundles(custom['bundles'], release),
  }
}

function readLabel(value: unknown): Pick<Custom, 'label'> {
  if (value === undefined) return {}
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the point
  if (typeof value !== 'string' || value === '' || /[\u0000-\u001f\u007f]/.test(value)) {
    throw malformed('targets', 'label is not a line of text')
  }
  if (value.length > formatLimits.labelCharactersMax)
    throw malformed('targets', 'label is too long')
  return { label: value }
}

function readMinimum(value: unknown, release: number): Pick<Custom, 'minimum'> {
  if (value === undefined) return {}
  return { minimum: integerOf('targets', 'minimum', value, { min: 1, max: release }) }
}

function readRollout(value: unknown): Pick<Custom, 'rollout'> {
  if (value === undefined) return {}
  const rollout = exactRecord('targets', 'rollout', value, { required: ['from', 'over'] })
  const from = rollout['from']
  if (typeof from !== 'string' || parseTime(from) === undefined) {
    throw malformed('targets', 'the start of the rollout is not YYYY-MM-DDTHH:MM:SSZ')
  }
  const over = integerOf('targets', 'the length of the rollout', rollout['over'], {
    min: 0,
    max: limits.rolloutSecondsMax,
  })
  return { rollout: { from, over } }
}

function readEnded(value: unknown): Pick<Custom, 'ended'> {
  if (value === undefined) return {}
  if (value !== true) throw malformed('targets', 'ended is not true')
  return { ended: true }
}

function readBundles(value: unknown, release: number): Pick<Custom, 'bundles'> {
  if (value === undefined) return {}
  if (!Array.isArray(value) || value.length > limits.bundlesMax) {
    throw malformed('targets', `bundles is not a list of at most ${limits.bundlesMax}`)
  }
  return { bundles: value.map((item: unknown) => readBundle(item, release)) }
}

function readBundle(value: unknown, release: number): SignedBundle {
  const bundle = recordOf('targets', 'a bundle', value)
  exactRecord('targets', 'a bundle', bundle, { required: ['bytes', 'format', 'from', 'sha256'] })
  const { sha256, format } = bundle
  if (!isDigest(sha256)) throw malformed('targets', 'the sha256 of a bundle is not a digest')
  if (typeof format !== 'string' || !/^[a-z0-9][a-z0-9._-]{0,63}$/.test(format)) {
    throw malformed('targets', 'the format of a bundle is not a name')
  }
  return {
    from: integerOf('targets', 'the start of a bundle', bundle['from'], {
      min: 1,
      max: release - 1,
    }),
    sha256,
    bytes: integerOf('targets', 'the bytes of a bundle', bundle['bytes'], { min: 1 }),
    format,
  }
}
