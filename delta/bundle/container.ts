import type { Digest } from '../../protocol/index.ts'
import { deltaError } from '../errors.ts'
import type { BulkMethod } from './bulk-reader.ts'

/** The name of the format, as update requests and answers say it. */
export const bundleFormat = 'longwave-bundle-1'

const magic = [0x4c, 0x57, 0x42, 0x31] as const
const bulkMethods = ['none', 'stored', 'brotli', 'brotli-streamed'] as const
/** The bulk streams in their order: literals, differing bytes, counts of differences. */
export const bulkNames = ['literals', 'differences', 'counts'] as const
export type BulkName = (typeof bulkNames)[number]
export const headerBytesMax = 40

/** One bulk stream as it is packed. */
export interface BulkPart {
  readonly method: BulkMethod
  /** Packed bytes; 0 with method `none` only. */
  readonly bytes: number
}

/** What stands before the streams. */
export interface BundleHeader {
  /** The first four bytes of the old manifest's id, in hexadecimal. */
  readonly oldManifest: string
  readonly bulk: Readonly<Record<BulkName, BulkPart>>
  readonly headerBytes: number
}

export const noBulk: BundleHeader['bulk'] = {
  literals: { method: 'none', bytes: 0 },
  differences: { method: 'none', bytes: 0 },
  counts: { method: 'none', bytes: 0 },
}

export function encodeHeader(header: Omit<BundleHeader, 'headerBytes'>): Uint8Array {
  const bytes: number[] = [...magic, ...Buffer.from(header.oldManifest, 'hex')]
  const parts = bulkNames.map((name) => header.bulk[name])
  bytes.push(parts.reduce((sum, { method }, i) => sum + bulkMethods.indexOf(method) * 4 ** i, 0))
  for (const { method, bytes: length } of parts) {
    if (method === 'none') continue
    let rest = length
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
  const methods = bulkNames.map((_, i) => bulkMethods[(features >> (2 * i)) & 3] as BulkMethod)
  const streamed = methods.indexOf('brotli-streamed', 1)
  if (features >= 4 ** bulkNames.length || streamed > 0) {
    throw deltaError('LW_DELTA_FORMAT', {
      detail: `It uses features (${features}) that are unknown.`,
    })
  }
  let at = 9
  const [literals, differences, counts] = methods.map((method): BulkPart => {
    if (method === 'none') return { method, bytes: 0 }
    const number = readNumber(bytes, at)
    at = number.end
    return { method, bytes: number.value }
  })
  if (literals === undefined || differences === undefined || counts === undefined) throw tooShort()
  return { oldManifest, bulk: { literals, differences, counts }, headerBytes: at }
}

function readNumber(bytes: Uint8Array, start: number): { value: number; end: number } {
  let value = 0
  let at = start
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++]
    if (byte === undefined || at > start + 7) throw tooShort()
    value += (byte % 128) * scale
    if (byte < 128) return { value, end: at }
  }
}

function tooShort(): Error {
  return deltaError('LW_DELTA_FORMAT', { detail: 'It ends in its header.' })
}
