import { type FileEntry, type UploadState, isLongwaveError } from '../../protocol/index.ts'
import { publishError } from '../errors.ts'
import { publisherLimits } from '../limits.ts'
import type { ScannedSource } from '../scan/index.ts'
import type { PublishApi } from './publish-api.ts'
import { type SendTotals, sendMissing } from './send-missing.ts'

export interface UploadProgress {
  /** Bytes that went over the wire, everything around the objects and broken tries included. */
  readonly sentBytes: number
  /** Bytes of objects that the transmitter got, in whatever form, of those that it lacked. */
  readonly doneBytes: number
  /** What it lacked at the beginning: it stays the same to the end. */
  readonly totalBytes: number
  /** Bytes of the objects that are missing at the transmitter: an upper bound of what is sent. */
  readonly missingBytes: number
  readonly missingObjects: number
}

export interface UploadReleaseOptions {
  readonly api: PublishApi
  readonly source: ScannedSource
  readonly files: readonly FileEntry[]
  readonly manifest: Uint8Array
  readonly manifestId: string
  /** An earlier upload whose objects count for this one. */
  readonly continues: string | undefined
  readonly boundary: () => string
  /** Told as soon as the upload has a name, so that a later run can go on with it. */
  readonly onBegun: (upload: UploadState) => Promise<void>
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
  readonly pause: (ms: number, signal: AbortSignal | undefined) => Promise<void>
  readonly signal?: AbortSignal | undefined
}

export interface Uploaded {
  readonly upload: string
  readonly reusedObjects: number
  readonly reusedBytes: number
  readonly totals: SendTotals
}

/**
 * Brings everything that a release needs to the transmitter. What breaks is asked for again and
 * goes on where it stopped; nothing is visible to anybody before the commit.
 */
export async function uploadRelease(options: UploadReleaseOptions): Promise<Uploaded> {
  const { api, manifest, signal } = options
  const files = new Map(options.files.map((file) => [file.sha256 as string, file]))
  const wholeOnly = new Set<string>()
  const totals: SendTotals = {
    sentBytes: 0,
    doneBytes: 0,
    objects: 0,
    deltas: 0,
    deltaObjectBytes: 0,
  }
  let first: UploadState | undefined
  let failures = 0
  for (let round = 1; ; round++) {
    const upload = await api.begin(manifest, first === undefined ? options.continues : undefined)
    if (upload.manifest !== options.manifestId) {
      throw publishError('LW_PUBLISH_WRONG_ANSWER', { detail: 'It names another manifest.' })
    }
    if (first === undefined) await options.onBegun(upload)
    first ??= upload
    const { reusedObjects, reusedBytes } = first
    if (upload.missing.length === 0) {
      return { upload: upload.upload, reusedObjects, reusedBytes, totals }
    }
    const missingBytes = missingBytesOf(upload)
    const totalBytes = missingBytesOf(first)
    // What a broken round had begun counts only as far as it arrived.
    totals.doneBytes = Math.max(0, totalBytes - missingBytes)
    const tell = () =>
      options.onProgress?.({
        sentBytes: totals.sentBytes,
        doneBytes: Math.min(totals.doneBytes, totalBytes),
        totalBytes,
        missingBytes,
        missingObjects: upload.missing.length,
      })
    tell()
    try {
      const { source, boundary } = options
      const still = await sendMissing({
        api,
        source,
        upload,
        files,
        wholeOnly,
        boundary,
        totals,
        onSent: tell,
        signal,
      })
      if (still === 0) return { upload: upload.upload, reusedObjects, reusedBytes, totals }
    } catch (error) {
      failures++
      if (
        signal?.aborted === true ||
        !mayGoOn(error) ||
        failures >= publisherLimits.uploadRoundsMax
      ) {
        throw error
      }
      await options.pause(1000 * 2 ** (failures - 1), signal)
    }
    if (round >= publisherLimits.uploadRoundsMax * 2) {
      throw publishError('LW_PUBLISH_WRONG_ANSWER', {
        detail: 'It keeps asking for objects that it was sent.',
        untouched: 'Nothing was published.',
      })
    }
  }
}

function missingBytesOf({ missing }: UploadState): number {
  return missing.reduce((sum, { size, received }) => sum + size - received, 0)
}

/** Whether asking what is missing and sending it again can mend a failure. */
function mayGoOn(error: unknown): boolean {
  if (!isLongwaveError(error)) return false
  if (error.code === 'LW_PUBLISH_FILE_CHANGING') return false
  const status = error.members['httpStatus']
  // 400, 409, 422: a delta that did not fit, or a segment that had arrived after all.
  return error.retryable || status === 409 || status === 422 || status === 400
}
