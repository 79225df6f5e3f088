import { type Digest, digestFromBytes } from '../../protocol/index.ts'
import type { ExpectedRelease } from '../bundle/apply-bundle.ts'
import type { BundleFile } from '../bundle/bundle-file.ts'
import { deltaError } from '../errors.ts'

/** The name of the format of a delta between two directories or files. */
export const directoryDeltaFormat = 'longwave-delta-1'

const magic = [0x4c, 0x57, 0x44, 0x31] as const
export const deltaHeaderBytesMax = 96

/** What stands before the bundle. */
export interface DeltaFileHeader {
  /** Whether the result is a directory or a single file. */
  readonly kind: 'directory' | 'file'
  readonly expect: ExpectedRelease
  /** Bytes of the bundle, which ends the file. */
  readonly bundleBytes: number
  readonly headerBytes: number
}

export function encodeDeltaHeader(header: Omit<DeltaFileHeader, 'headerBytes'>): Uint8Array {
  const { kind, expect, bundleBytes } = header
  const bytes = [...magic, kind === 'directory' ? 0 : 1]
  bytes.push(...Buffer.from(expect.manifestSha256, 'hex'))
  const { manifestBytes, totalBytes, largestFileBytes, entries } = expect
  for (const value of [manifestBytes, totalBytes, largestFileBytes, entries, bundleBytes]) {
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
    bytes.push(rest)
  }
  return Uint8Array.from(bytes)
}

/** @throws LW_DELTA_FORMAT for anything but this version. */
export function parseDeltaHeader(bytes: Uint8Array): DeltaFileHeader {
  if (magic.some((byte, i) => bytes[i] !== byte)) {
    throw deltaError('LW_DELTA_FORMAT', { detail: `It is not a ${directoryDeltaFormat}.` })
  }
  const kind = bytes[4]
  if (bytes.length < 41 || kind === undefined || kind > 1) {
    throw deltaError('LW_DELTA_FORMAT', { detail: 'Its header is damaged.' })
  }
  const manifestSha256: Digest = digestFromBytes(bytes.slice(5, 37))
  let at = 37
  const number = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]
      if (byte === undefined || scale > 2 ** 49) {
        throw deltaError('LW_DELTA_FORMAT', { detail: 'Its header is damaged.' })
      }
      value += (byte % 128) * scale
      if (byte < 128) return value
    }
  }
  const [manifestBytes, totalBytes, largestFileBytes, entries, bundleBytes] = [
    number(),
    number(),
    number(),
    number(),
    number(),
  ]
  const expect = { manifestSha256, manifestBytes, totalBytes, largestFileBytes, entries }
  return { kind: kind === 0 ? 'directory' : 'file', expect, bundleBytes, headerBytes: at }
}

/**
 * The header of a delta file that is as long as it says. Its bundle's last part has no end of its
 * own, so bytes behind it would pass unread.
 * @throws LW_DELTA_FORMAT
 */
export function readDeltaHeader(file: BundleFile): DeltaFileHeader {
  const header = parseDeltaHeader(file.read(0, deltaHeaderBytesMax))
  const more = file.bytes - header.headerBytes - header.bundleBytes
  if (more === 0) return header
  const detail = more > 0 ? `${more} bytes follow its end.` : `It lacks its last ${-more} bytes.`
  throw deltaError('LW_DELTA_FORMAT', { detail })
}
