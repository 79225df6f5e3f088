import type { Digest } from '../../protocol/index.ts'
import { deltaError } from '../errors.ts'
import type { BulkMethod } from './bulk-reader.ts'

/** The name of the format, as update requests and answers say it. */
export const bundleFormat = 'longwave-bundle-1'

const magic = [0x4c, 0x57, 0x42, 0x31] as const
const bulkMethods = ['stored', 'brotli'] as const
export const headerBytesMax = 32

/** What stands before the streams. */
export interface BundleHeader {
  /** The first four bytes of the old manifest's id, in hexadecimal. */
  readonly oldManifest: string
  readonly bulkMethod: BulkMethod
  readonly bulkBytes: number
  readonly headerBytes: number
}

export function encodeHeader(header: Omit<BundleHeader, 'headerBytes'>): Uint8Array {
  const bytes = [...magic, ...Buffer.from(header.oldManifest, 'hex')]
  bytes.push(header.bulkBytes === 0 ? 0 : 1 + bulkMethods.indexOf(header.bulkMethod))
  if (header.bulkBytes > 0) {
    let rest = header.bulkBytes
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
    bytes.push(rest)
  }
  return Uint8Array.from(bytes)
}

export function shortId(id: Digest): string {
  return id.slice(0, 8)
}

/** @throws LW_DELTA_FORMAT for anything but this version and features that it has. */
export function parseHeader(bytes: Uint8Array): BundleHeader {
  for (let i = 0; i < magic.length; i++) {
    if (bytes[i] !== magic[i]) {
      throw deltaError('LW_DELTA_FORMAT', { detail: `It is not a ${bundleFormat}.` })
    }
  }
  const oldManifest = Buffer.from(bytes.subarray(4, 8)).toString('hex')
  const features = bytes[8]
  if (features === undefined) throw tooShort()
  if (features > bulkMethods.length) {
    throw deltaError('LW_DELTA_FORMAT', {
      detail: `It uses features (${features}) that are unknown.`,
    })
  }
  if (features === 0) return { oldManifest, bulkMethod: 'stored', bulkBytes: 0, headerBytes: 9 }
  let bulkBytes = 0
  let at = 9
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++]
    if (byte === undefined || at > 16) throw tooShort()
    bulkBytes += (byte % 128) * scale
    if (byte < 128) break
  }
  return {
    oldManifest,
    bulkMethod: bulkMethods[features - 1] as BulkMethod,
    bulkBytes,
    headerBytes: at,
  }
}

function tooShort(): Error {
  return deltaError('LW_DELTA_FORMAT', { detail: 'It ends in its header.' })
}
