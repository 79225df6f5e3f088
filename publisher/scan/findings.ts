import { type LongwaveError, formatError } from '../../protocol/index.ts'
import { publishError } from '../errors.ts'
import { publisherLimits } from '../limits.ts'

/** Something about one path of the tree that a release cannot take. */
export interface Finding {
  readonly path: string
  readonly what: string
}

const kinds = [
  'unreadable',
  'notUtf8',
  'special',
  'linkOutside',
  'path',
  'collision',
  'notPortable',
  'changing',
] as const
type FindingKind = (typeof kinds)[number]

/** Gathers what is wrong with a tree, so that one answer names all of it. */
export interface Findings {
  add(kind: FindingKind, finding: Finding): void
  /** Throws the first kind that was found, with all of its paths; silent when there are none. */
  throwIfAny(): void
}

export function createFindings(): Findings {
  const found = new Map<FindingKind, Finding[]>()
  return {
    add(kind, finding) {
      const list = found.get(kind)
      if (list === undefined) found.set(kind, [finding])
      else list.push(finding)
    },
    throwIfAny() {
      for (const kind of kinds) {
        const list = found.get(kind)
        if (list !== undefined) throw errorOf(kind, list)
      }
    },
  }
}

/** A list for people: the first ones by name, the others counted. */
export function listed(items: readonly string[]): string {
  const shown = items.slice(0, publisherLimits.findingsListedMax)
  const more = items.length - shown.length
  return more === 0 ? shown.join('; ') : `${shown.join('; ')}; and ${more} more`
}

function errorOf(kind: FindingKind, findings: readonly Finding[]): LongwaveError {
  const details = {
    detail: `${listed(findings.map(({ path, what }) => `${JSON.stringify(path)} ${what}`))}.`,
    untouched: 'Nothing was published.',
    members: { paths: findings.slice(0, 1000).map((finding) => finding.path) },
  }
  const leaveOut = 'Remove them, or leave them out with --ignore or a .longwaveignore file.'
  switch (kind) {
    case 'unreadable':
      return publishError('LW_PUBLISH_UNREADABLE', {
        ...details,
        next: 'Give this user the right to read them, or leave them out with --ignore.',
      })
    case 'notUtf8':
      return publishError('LW_PUBLISH_NAME_NOT_UTF8', {
        ...details,
        next: 'Rename them to UTF-8; ignore rules cannot name them.',
      })
    case 'special':
      return publishError('LW_PUBLISH_SPECIAL_FILE', { ...details, next: leaveOut })
    case 'linkOutside':
      return publishError('LW_PUBLISH_LINK_OUTSIDE', { ...details, next: leaveOut })
    case 'path':
      return formatError('LW_FORMAT_PATH', { ...details, next: leaveOut })
    case 'collision':
      return formatError('LW_FORMAT_PATH_COLLISION', {
        ...details,
        next: 'Rename one of each pair, or leave one out with --ignore.',
      })
    case 'notPortable':
      return publishError('LW_PUBLISH_NOT_PORTABLE', {
        ...details,
        next: 'Rename them, or publish without --portable for systems other than Windows.',
      })
    case 'changing':
      return publishError('LW_PUBLISH_FILE_CHANGING', {
        ...details,
        next: 'Publish again when nothing writes to the directory, or publish a snapshot of it.',
      })
  }
}
