import path from 'node:path'
import type { ObjectReader, ObjectSource } from '../../delta/index.ts'
import {
  canonicalJson,
  type Digest,
  digestOf,
  type EntryPath,
  type FileEntry,
  filesOf,
  type Manifest,
  parseCanonicalJson,
  parseManifest,
} from '../../protocol/index.ts'
import { type FileSystem, isErrno } from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'
import { readStateFile } from '../state-file.ts'
import { generationLimits } from './limits.ts'

export const releaseRecordFormat = 'longwave-release-1'

/** `release.json` beside the tree: with the `current` link it is the authority on what lies here. */
export interface ReleaseRecord {
  readonly format: typeof releaseRecordFormat
  readonly channel: Digest
  readonly url: string
  readonly release: number
  readonly label?: string
  readonly manifest: Digest
  /** When this generation was completed, RFC 3339. */
  readonly completed: string
}

/** One release as it lies, complete, on the disk. */
export class Generation {
  readonly directory: string
  readonly record: ReleaseRecord
  readonly manifest: Manifest
  readonly manifestBytes: Uint8Array
  readonly #times: Float64Array
  readonly #fs: FileSystem
  readonly #byDigest = new Map<Digest, number>()
  readonly files: readonly FileEntry[]

  constructor(options: {
    readonly fs: FileSystem
    readonly directory: string
    readonly record: ReleaseRecord
    readonly manifest: Manifest
    readonly manifestBytes: Uint8Array
    readonly times: Float64Array
  }) {
    this.#fs = options.fs
    this.directory = options.directory
    this.record = options.record
    this.manifest = options.manifest
    this.manifestBytes = options.manifestBytes
    this.#times = options.times
    this.files = filesOf(options.manifest)
    for (const [index, file] of this.files.entries()) {
      if (!this.#byDigest.has(file.sha256)) this.#byDigest.set(file.sha256, index)
    }
  }

  /** The generation's folder in `generations/`. */
  get name(): string {
    return path.basename(this.directory)
  }

  get release(): number {
    return this.record.release
  }

  get tree(): string {
    return path.join(this.directory, 'tree')
  }

  pathOf(entry: EntryPath): string {
    return path.join(this.tree, ...entry.split('/'))
  }

  /** Modification time, ms, that the file at an index of `files` was given. */
  timeOf(index: number): number {
    return this.#times[index] ?? Number.NaN
  }

  /** The index in `files` of a file with these bytes, preferring one with the wanted mode. */
  find(digest: Digest, mode?: FileEntry['mode']): number | undefined {
    const index = this.#byDigest.get(digest)
    if (index === undefined || mode === undefined || this.files[index]?.mode === mode) return index
    for (let at = index + 1; at < this.files.length; at++) {
      if (this.files[at]?.sha256 === digest && this.files[at]?.mode === mode) return at
    }
    return index
  }

  /**
   * Whether the file's facts are as they were made: not writable, size and time unchanged. What
   * does not pass is hashed before it is believed.
   */
  async isVouchedFor(index: number): Promise<boolean> {
    const file = this.files[index]
    if (file === undefined) return false
    try {
      const stats = await this.#fs.lstat(this.pathOf(file.path))
      return (
        stats.type === 'file' &&
        stats.size === file.size &&
        (stats.mode & 0o222) === 0 &&
        stats.mtimeMs === this.timeOf(index)
      )
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return false
      throw error
    }
  }

  /** The objects of this generation, for deltas to read from. */
  objectSource(): ObjectSource {
    return {
      open: async (digest) => {
        const index = this.#byDigest.get(digest)
        const file = index === undefined ? undefined : this.files[index]
        if (file === undefined) {
          throw tunerError('LW_TUNER_NO_GENERATION', { detail: 'An object is not held.' })
        }
        const handle = await this.#fs.open(this.pathOf(file.path), 'r')
        const reader: ObjectReader = {
          size: file.size,
          read: (position, into) => handle.read(position, into),
          close: () => handle.close(),
        }
        return reader
      },
    }
  }
}

/** Encodes the file times of a generation: one float64 (ms, little-endian) for each file entry. */
export function encodeTimes(times: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(times.length * 8)
  for (const [index, time] of times.entries()) bytes.writeDoubleLE(time, index * 8)
  return bytes
}

function decodeTimes(bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const times = new Float64Array(Math.floor(bytes.byteLength / 8))
  for (let index = 0; index < times.length; index++) times[index] = view.getFloat64(index * 8, true)
  return times
}

export function encodeReleaseRecord(record: ReleaseRecord): Uint8Array {
  return Buffer.from(canonicalJson({ ...record }))
}

/** @throws LW_TUNER_STATE_DAMAGED */
export function parseReleaseRecord(bytes: Uint8Array): ReleaseRecord {
  const value = parseCanonicalJson(bytes, { bytesMax: generationLimits.recordBytesMax })
  const record = value as unknown as ReleaseRecord
  if (record?.format !== releaseRecordFormat || !Number.isSafeInteger(record.release)) {
    throw tunerError('LW_TUNER_STATE_DAMAGED', { detail: 'release.json has another form.' })
  }
  return record
}

/** A manifest that was parsed from these bytes already. */
export interface ParsedManifest {
  readonly manifest: Manifest
  readonly manifestBytes: Uint8Array
}

const fetchedAgain = 'longwave update  # fetches the release again'

/**
 * Loads a generation's record and manifest, not its files.
 * @param parsed its manifest, when the caller has just built it: the same bytes are not parsed again
 * @returns undefined when there is none.
 * @throws LW_TUNER_STATE_DAMAGED
 */
export async function loadGeneration(
  fs: FileSystem,
  directory: string,
  parsed?: ParsedManifest,
): Promise<Generation | undefined> {
  const recordBytes = await readStateFile(fs, path.join(directory, 'release.json'), {
    bytesMax: generationLimits.recordBytesMax,
    next: fetchedAgain,
  })
  if (recordBytes === undefined) return undefined
  try {
    const record = parseReleaseRecord(recordBytes)
    const manifestBytes = await fs.readFile(path.join(directory, 'manifest.json'))
    if (digestOf(manifestBytes) !== record.manifest) {
      throw tunerError('LW_TUNER_STATE_DAMAGED', { detail: 'manifest.json was altered.' })
    }
    const times = decodeTimes(await fs.readFile(path.join(directory, 'times.bin')))
    const isParsed = parsed !== undefined && manifestBytes.equals(parsed.manifestBytes)
    const manifest = isParsed ? parsed.manifest : parseManifest(manifestBytes)
    return new Generation({ fs, directory, record, manifest, manifestBytes, times })
  } catch (cause) {
    throw tunerError('LW_TUNER_STATE_DAMAGED', {
      detail: `${directory} has a release.json, manifest.json or times.bin that was altered.`,
      untouched: 'Its files were not looked at.',
      next: fetchedAgain,
      cause,
    })
  }
}
