import {
  canonicalJson,
  type Digest,
  digestOf,
  type Json,
  whyNotEntryPath,
} from '../../protocol/index.ts'
import { tunerError } from '../errors.ts'
import type { Step } from './folder-plan.ts'

/** Which release a folder holds. */
export interface HeldRelease {
  readonly release: number
  readonly label?: string
  readonly manifest: Digest
}

/** Mode and time of a folder before names in it changed; the path `''` is the whole folder's. */
export interface FolderTimes {
  readonly path: string
  readonly mode: number
  readonly mtimeMs: number
}

export const journalFormat = 'longwave-folder-journal-1'

/** Everything that recovery needs to finish a change of a folder; complete before the first step. */
export interface FolderJournal {
  readonly format: typeof journalFormat
  /** Which subscription's folder this is. */
  readonly subscription: string
  /** Real path of the folder: a journal never acts elsewhere. */
  readonly directory: string
  readonly kind: 'update' | 'undo'
  /** What the folder held before; null before the first release. */
  readonly from: HeldRelease | null
  /** What it holds afterwards; null when an undo goes back before the first release. */
  readonly to: HeldRelease | null
  /** The name of the undo area that keeps the before-images; null when they are not kept. */
  readonly undo: string | null
  /** The undo area that this change takes back, and which then goes. */
  readonly undoes: string | null
  /** Folders whose times the change disturbs, so that an undo can be exact. */
  readonly folders: readonly FolderTimes[]
  readonly steps: readonly Step[]
}

/** A journal with the digest of its content in the first line: a torn one is recognised. */
export function encodeJournal(journal: FolderJournal): Uint8Array {
  const body = canonicalJson(journal as unknown as Json)
  return Buffer.from(`${digestOf(body)}\n${body}`)
}

/** @throws LW_TUNER_STATE_DAMAGED */
export function parseJournal(bytes: Uint8Array): FolderJournal {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  const newline = text.indexOf('\n')
  const digest = text.slice(0, newline) as Digest
  const body = text.slice(newline + 1)
  if (newline !== 64 || digestOf(body) !== digest) throw damaged('The journal was altered.')
  const journal = JSON.parse(body) as FolderJournal
  if (journal.format !== journalFormat) throw damaged('The journal has an unknown format.')
  for (const step of journal.steps) {
    const isRoot = step.do === 'times' && step.path === ''
    if (!isRoot && whyNotEntryPath(step.path) !== undefined) {
      throw damaged('A step of the journal leaves the folder.')
    }
  }
  return journal
}

function damaged(detail: string): Error {
  return tunerError('LW_TUNER_STATE_DAMAGED', { detail })
}
