import path from 'node:path'
import { canonicalJson, isDigest, parseCanonicalJson } from '../../protocol/index.ts'
import { type FileSystem, writeFileDurably } from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'
import { readStateFile } from '../state-file.ts'
import { indexLimits as limits } from './limits.ts'

const format = 'longwave-index-state-1'
const whenDamaged = 'Unsubscribe, and subscribe to the index again.'

/**
 * What an index said last. It counts no releases, so the tuner does: another content is the next
 * one.
 */
export interface IndexState {
  readonly release: number
  /** When this content was first seen, RFC 3339. */
  readonly published: string
  /** SHA-256 over all entries. */
  readonly entries: string
  /** Where the files are. */
  readonly base: string
  readonly etag?: string
}

function stateFile(directory: string): string {
  return path.join(directory, 'index.json')
}

/** @throws LW_TUNER_STATE_DAMAGED */
export async function loadIndexState(
  fs: FileSystem,
  directory: string,
): Promise<IndexState | undefined> {
  const bytes = await readStateFile(fs, stateFile(directory), {
    bytesMax: limits.stateBytesMax,
    next: whenDamaged,
  })
  if (bytes === undefined) return undefined
  try {
    const value = parseCanonicalJson(bytes, { bytesMax: limits.stateBytesMax }) as unknown as
      | (IndexState & { readonly format: string })
      | null
    if (value?.format === format && isDigest(value.entries)) {
      const { format: _format, ...state } = value
      if (Number.isSafeInteger(state.release) && state.release > 0) return state
    }
  } catch (cause) {
    throw damaged(cause)
  }
  throw damaged(undefined)
}

function damaged(cause: unknown): Error {
  return tunerError('LW_TUNER_STATE_DAMAGED', {
    detail: 'What an index said last was altered.',
    next: whenDamaged,
    cause,
  })
}

export async function saveIndexState(
  fs: FileSystem,
  directory: string,
  state: IndexState,
): Promise<void> {
  await writeFileDurably(fs, stateFile(directory), canonicalJson({ format, ...state }), {
    mode: 0o600,
  })
}
