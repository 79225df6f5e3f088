import { formatError, isLongwaveError } from '../protocol/index.ts'
import { trustError } from './errors.ts'

/** Where metadata files come from: a transmitter, a static site, a repeater, a proxy. */
export interface MetadataSource {
  /**
   * The bytes of `trust/FILE`, or undefined when the source says that it has none (404, 410).
   * It must stop reading beyond `bytesMax`, by an error or by returning more than that.
   */
  fetch(file: string, bytesMax: number): Promise<Uint8Array | undefined>
  /** A repeater or a cache may lag behind; what would be an attack from an origin then is not. */
  readonly mirror?: boolean
  /** What errors call it: the channel's URL there. */
  readonly url?: string
  /**
   * The source's own time (the `Date` of its last answer), in milliseconds. It is not signed and
   * decides nothing but how a refusal is worded: a wrong clock here, or a channel that stands still.
   */
  dateMs?(): number | undefined
}

/** @throws LW_TRUST_ENDLESS_DATA when the source sent more than the file may have */
export async function fetchIfPresent(
  source: MetadataSource,
  file: string,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  const bytes = await source.fetch(file, bytesMax)
  if (bytes !== undefined && bytes.byteLength > bytesMax) throw endlessData(file, bytesMax)
  return bytes
}

/** @throws LW_TRUST_ENDLESS_DATA, LW_TRUST_METADATA_MISSING */
export async function fetchRequired(
  source: MetadataSource,
  file: string,
  bytesMax: number,
): Promise<Uint8Array> {
  const bytes = await fetchIfPresent(source, file, bytesMax)
  if (bytes !== undefined) return bytes
  throw trustError('LW_TRUST_METADATA_MISSING', { detail: `It is ${file}.`, members: { file } })
}

/** The error for a body that goes on beyond its limit. */
export function endlessData(file: string, bytesMax: number): Error {
  return trustError('LW_TRUST_ENDLESS_DATA', {
    detail: `${file} goes on beyond ${bytesMax} bytes.`,
    members: { file, bytesMax },
  })
}

/**
 * Parses a file that a source sent. What is wrong with it is told with its name and who sent it.
 * @throws LW_FORMAT_…
 */
export function parseFetched<File>(source: MetadataSource, file: string, parse: () => File): File {
  try {
    return parse()
  } catch (cause) {
    if (!isLongwaveError(cause) || !isFormatCode(cause.code)) throw cause
    const sender = source.url === undefined ? '' : ` of ${source.url}`
    throw formatError(cause.code, {
      detail: `It is ${file}${sender}: ${cause.detail ?? cause.message}`,
      members: { ...cause.members, file },
      untouched: 'Nothing was changed.',
      next: 'Try again later; if it stays so, tell whoever runs that server.',
      cause,
    })
  }
}

type FormatCode = 'LW_FORMAT_JSON' | 'LW_FORMAT_DOCUMENT' | 'LW_FORMAT_TOO_LARGE'

function isFormatCode(code: string): code is FormatCode {
  return ['LW_FORMAT_JSON', 'LW_FORMAT_DOCUMENT', 'LW_FORMAT_TOO_LARGE'].includes(code)
}
