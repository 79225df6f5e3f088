import { type ByteSource, copyRange } from './byte-source.ts'
import { inflateRange } from './inflater.ts'
import { archiveLimits } from './limits.ts'
import { encodeVarint } from './varint.ts'
import { operation } from './view-grammar.ts'
import type { ZipStructure } from './zip-structure.ts'

/** Content that can be gone through as often as needed. */
export interface Content {
  readonly bytes: number
  /** All of it when it is held in memory. */
  readonly held: Uint8Array | undefined
  each(emit: (piece: Uint8Array) => void): void
}

/** A deflate stream that inflates properly, and its content. */
export interface PackedStream {
  readonly source: ByteSource
  readonly start: number
  readonly end: number
  readonly content: Content
  /** What the container says of the level: 1 fastest, 9 best, 6 nothing. */
  readonly levelHint: number
}

/** What the two sides do differently. */
export interface StreamPolicy {
  /** Whether the stream is to appear unpacked. Asked once or more for a stream. */
  accepts(stream: PackedStream): boolean
  /** The stream is being written unpacked, in this order. */
  written(stream: PackedStream): void
  /** Whether the content has the checksum; the base side trusts what headers say. */
  hasCrc(content: Content, crc: number): boolean
}

/** Where a view goes, and who decides. */
export interface ViewContext {
  readonly policy: StreamPolicy
  readonly emit: (piece: Uint8Array) => void
  /**
   * Looks for an archive in content; returns what writes its records. Absent inside nested
   * content: one level is enough.
   */
  readonly inner: ((content: Uint8Array) => InnerWriter | undefined) | undefined
  /**
   * How many entries of a zip file, from one on, lie in an old archive just so; it is handed their
   * old central headers. Absent where nothing may stay packed.
   */
  readonly kept?: ((zip: ZipStructure, entry: number) => KeptEntries | undefined) | undefined
}

/** Entries that an old archive has one after the other, bytes and all. */
export interface KeptEntries {
  readonly count: number
  /** The old central headers, with the old offsets. */
  readonly centrals: readonly Uint8Array[]
}

/** Writes the records of an archive that lies in other content. */
export type InnerWriter = (context: ViewContext) => void

/** Writes a record's head: operation and flags, then further numbers. */
export function writeHead(
  context: ViewContext,
  op: number,
  ...numbers: readonly [number, ...number[]]
): void {
  const [flags, ...rest] = numbers
  context.emit(encodeVarint(flags * 8 + op))
  for (const number of rest) context.emit(encodeVarint(number))
}

/** Writes a range as it is. */
export function writeBytes(
  source: ByteSource,
  range: { readonly start: number; readonly end: number },
  context: ViewContext,
): void {
  if (range.end === range.start) return
  writeHead(context, operation.bytes, range.end - range.start)
  copyRange(source, range, archiveLimits.pieceBytes, context.emit)
}

/** Content in memory. */
export function heldContent(held: Uint8Array): Content {
  return { bytes: held.length, held, each: (emit) => emit(held) }
}

/** Content that is inflated again each time. */
export function inflatedContent(
  source: ByteSource,
  range: { readonly start: number; readonly end: number },
  bytes: number,
): Content {
  const each = (emit: (piece: Uint8Array) => void): void => {
    inflateRange(source, { ...range, producedMax: bytes }, emit)
  }
  return { bytes, held: undefined, each }
}
