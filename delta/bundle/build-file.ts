import { createHash } from 'node:crypto'
import { type Digest, digestFromBytes } from '../../protocol/index.ts'
import { deltaError } from '../errors.ts'
import type { ObjectReader } from '../objects/object-source.ts'
import type { PoolFile } from '../planning/pool-layout.ts'
import { type DecodedCoding, type DecoderParts, FileDecoder } from './file-decoder.ts'
import { loadArchives } from './load-archives.ts'
import { OutputBuffer } from './output-buffer.ts'

/** Takes what is built, under numbers and not under names. */
export interface Staging {
  create(
    index: number,
    size: number,
  ): Promise<{ write(bytes: Uint8Array): Promise<void>; close(): Promise<void> }>
  /** Opens what was created under a number and closed again: later files may copy from it. */
  open(index: number): Promise<ObjectReader>
  /** Names a file that may hold intermediate bytes; it is removed at the end. */
  scratchPath?(name: string): string
}

export interface BuiltFile {
  readonly sha256: Digest
  /** The number under which the staging got it: 0, 1, 2… in output order. */
  readonly index: number
  /** Bytes. */
  readonly size: number
}

/** How one file of a bundle is coded. */
export interface FileReport {
  readonly path: string
  readonly size: number
  /** Bytes of the range-coded stream that it took. */
  readonly coreBytes: number
  readonly bulkBytes: number
  readonly copies: 'exact' | 'inexact'
  readonly literals: 'modelled' | 'bulk'
  readonly differences: 'modelled' | 'bulk'
  /** Built as the view of an archive. */
  readonly unpacked: boolean
  /** With predicted references. */
  readonly references: boolean
}

/** Turns the view of an archive into the archive. */
interface ViewSink {
  write(bytes: Uint8Array): Promise<void>
  end(): Promise<void>
}

/** Stands in for the rebuilding of an archive that was rebuilt from the same view before. */
export type KnownArchive = (write: (bytes: Uint8Array) => Promise<void>) => ViewSink

/** Builds one object into staging and says what its bytes hash to. */
export async function buildFile(
  file: PoolFile,
  parts: Omit<DecoderParts, 'output'>,
  staging: Staging,
  known?: KnownArchive,
): Promise<{ readonly built: BuiltFile; readonly report: FileReport }> {
  const { object, index, formBytes, predecessor, limit, recipe } = file
  const hash = createHash('sha256')
  const coreBefore = parts.coder.bytesCoded
  const bulkBefore = parts.bulk.bytesRead
  const sink = await staging.create(index, object.size)
  let written = 0
  const write = async (bytes: Uint8Array): Promise<void> => {
    written += bytes.length
    if (written > object.size) throw wrongSize()
    hash.update(bytes)
    await sink.write(bytes)
  }
  let coding: DecodedCoding
  try {
    const rebuild =
      recipe === undefined ? undefined : (known?.(write) ?? (await rebuilder(file, recipe, write)))
    const output = new OutputBuffer(parts.coder.kernel, rebuild?.write ?? write)
    const decoder = new FileDecoder({ ...parts, output })
    coding = await decoder.decode({ size: formBytes, predecessor, limit })
    await rebuild?.end()
    if (written !== object.size) throw wrongSize()
  } finally {
    await sink.close()
  }
  const report = {
    path: object.path,
    size: object.size,
    coreBytes: parts.coder.bytesCoded - coreBefore,
    bulkBytes: parts.bulk.bytesRead - bulkBefore,
    unpacked: recipe !== undefined,
    ...coding,
  }
  return { built: { sha256: digestFromBytes(hash.digest()), index, size: object.size }, report }
}

function wrongSize(): Error {
  return deltaError('LW_DELTA_FORMAT', {
    detail: 'A file does not get the size that it should have.',
  })
}

const gatherBytes = 64 * 1024

/** Lets the archive come about from its view, piece by piece. */
async function rebuilder(
  file: PoolFile,
  recipe: Uint8Array,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<ViewSink> {
  const { createRebuilder } = await loadArchives()
  const gathered: Uint8Array[] = []
  let room = new Uint8Array(gatherBytes)
  let filled = 0
  // An archive comes about in thousands of small pieces; each write has its price.
  const gather = (piece: Uint8Array): void => {
    for (let at = 0; at < piece.length; ) {
      if (filled === room.length) {
        gathered.push(room)
        room = new Uint8Array(gatherBytes)
        filled = 0
      }
      const part = piece.subarray(at, at + room.length - filled)
      room.set(part, filled)
      filled += part.length
      at += part.length
    }
  }
  const limits = { viewBytes: file.formBytes, outputBytes: file.object.size }
  const rebuild = createRebuilder(recipe, limits, gather)
  const drain = async (): Promise<void> => {
    for (const piece of gathered.splice(0)) await write(piece)
  }
  return {
    async write(bytes) {
      rebuild.write(bytes)
      await drain()
    },
    async end() {
      rebuild.end()
      await drain()
      await write(room.subarray(0, filled))
    },
  }
}
