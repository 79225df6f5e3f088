import type { Digest } from '../../protocol/index.ts'
import {
  type DeltaFileHeader,
  deltaHeaderBytesMax,
  readDeltaHeader,
} from '../directory/delta-file.ts'
import type { ObjectSource } from '../objects/object-source.ts'
import { Scratch } from '../objects/scratch.ts'
import type { SpoolFile } from '../objects/spool-file.ts'
import { type ApplyReport, applyBundle, type ExpectedRelease } from './apply-bundle.ts'
import { BundleFile } from './bundle-file.ts'
import { bulkNames, bundleFormat, headerBytesMax, parseHeader } from './container.ts'
import type { FileReport } from './build-file.ts'

/** One file of a bundle, as it was coded. */
export type InspectedFile = FileReport

/** What a bundle says of itself, and with the old release at hand what it does. */
export interface BundleContents {
  readonly format: string
  /** All bytes, a delta file's header included. */
  readonly bytes: number
  readonly headerBytes: number
  /** The first 32 bits of the id of the manifest that it starts from. */
  readonly oldManifest: string
  /** How the literals beside the range-coded stream are packed. */
  readonly bulkMethod: string
  /** Bytes of all bulk streams. */
  readonly bulkBytes: number
  /** The range-coded stream: manifest part, operations, differences, modelled literals. */
  readonly coreBytes: number
  /** The figures of the result; only delta files say them. */
  readonly expect: ExpectedRelease | undefined
  readonly details: (ApplyReport & { readonly digests: readonly Digest[] }) | undefined
}

/**
 * Looks into a bundle or a delta file. Without the old release only its outer form can be read,
 * because everything inside is said relative to that release.
 */
export async function inspectBundle(
  path: string,
  release?: {
    readonly oldManifest: Uint8Array
    readonly source: ObjectSource
    readonly expect: ExpectedRelease
  },
): Promise<BundleContents> {
  const start = deltaStart(path)
  const file = new BundleFile({ path, start: start?.headerBytes ?? 0 })
  try {
    const header = parseHeader(file.read(0, headerBytesMax))
    const outer = start?.headerBytes ?? 0
    const bulkBytes = bulkNames.reduce((sum, name) => sum + header.bulk[name].bytes, 0)
    const details = release === undefined ? undefined : await replay(path, outer, release)
    return {
      format: bundleFormat,
      bytes: file.bytes + outer,
      headerBytes: header.headerBytes + outer,
      oldManifest: header.oldManifest,
      bulkMethod: header.bulk.literals.method,
      bulkBytes,
      coreBytes: file.bytes - header.headerBytes - bulkBytes,
      expect: start?.expect,
      details,
    }
  } finally {
    file.close()
  }
}

function deltaStart(path: string): DeltaFileHeader | undefined {
  const file = new BundleFile({ path })
  try {
    const bytes = file.read(0, deltaHeaderBytesMax)
    return bytes[2] === 0x44 ? readDeltaHeader(file) : undefined
  } finally {
    file.close()
  }
}

async function replay(
  path: string,
  start: number,
  release: {
    readonly oldManifest: Uint8Array
    readonly source: ObjectSource
    readonly expect: ExpectedRelease
  },
): Promise<NonNullable<BundleContents['details']>> {
  const scratch = new Scratch(undefined)
  const files = new Map<number, SpoolFile>()
  const fileOf = (index: number): SpoolFile => files.get(index) as SpoolFile
  try {
    const { objects, report } = await applyBundle({
      ...release,
      bundle: { path, start },
      staging: {
        async create(index) {
          const file = await scratch.create()
          files.set(index, file)
          return { write: async (bytes) => file.write(bytes), close: async () => {} }
        },
        open: async (index) => fileOf(index).reader(),
      },
    })
    return { ...report, digests: objects.map(({ sha256 }) => sha256) }
  } finally {
    await scratch.remove()
  }
}
