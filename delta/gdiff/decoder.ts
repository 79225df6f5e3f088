import { gdiffLimits } from './limits.ts'
import { type GdiffCommand, GdiffParser, refuseGdiff } from './parser.ts'

/** Reads an old file at any position; `read` fills `into` and says how many bytes it got. */
export interface PositionalReader {
  readonly size: number
  read(position: number, into: Uint8Array): number | Promise<number>
}

/** What bounds the output before the first byte is read: the size that the manifest signs. */
export interface GdiffOutputLimit {
  readonly outputBytesMax: number
}

/** Counts output and checks each command before a byte of it is written. */
class OutputGuard {
  readonly #oldBytes: number
  #left: number

  constructor(oldBytes: number, limit: GdiffOutputLimit) {
    this.#oldBytes = oldBytes
    this.#left = limit.outputBytesMax
  }

  admit(command: GdiffCommand): void {
    const length = command.kind === 'copy' ? command.length : command.bytes.byteLength
    if (command.kind === 'copy' && command.position > this.#oldBytes - length) {
      refuseGdiff('A copy reaches past the old file')
    }
    if (length > this.#left) refuseGdiff('It makes more bytes than the file may have')
    this.#left -= length
  }
}

/**
 * Applies a difference to a file in memory. The result still has to be hashed: the format carries
 * neither sizes nor checksums.
 * @throws LW_DELTA_GDIFF
 */
export function applyGdiff(
  old: Uint8Array,
  difference: Uint8Array,
  limit: GdiffOutputLimit,
): Uint8Array {
  const parser = new GdiffParser()
  const guard = new OutputGuard(old.byteLength, limit)
  const parts: Uint8Array[] = []
  for (const command of parser.push(difference)) {
    guard.admit(command)
    if (command.kind === 'literal') parts.push(command.bytes)
    else if (command.length > 0) {
      parts.push(old.subarray(command.position, command.position + command.length))
    }
  }
  parser.end()
  return Buffer.concat(parts)
}

/**
 * Applies a difference that arrives in pieces to a file that is read by position, in bounded
 * memory. What was yielded before an error must be discarded.
 * @throws LW_DELTA_GDIFF; what `old.read` throws passes through
 */
export async function* decodeGdiff(
  options: {
    readonly old: PositionalReader
    readonly difference: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  } & GdiffOutputLimit,
): AsyncGenerator<Uint8Array, void, undefined> {
  const parser = new GdiffParser()
  const guard = new OutputGuard(options.old.size, options)
  for await (const piece of options.difference) {
    for (const command of parser.push(piece)) {
      guard.admit(command)
      if (command.kind === 'literal') yield command.bytes
      else yield* readRun(options.old, command.position, command.length)
    }
  }
  parser.end()
}

async function* readRun(
  old: PositionalReader,
  position: number,
  length: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let done = 0; done < length; ) {
    const into = new Uint8Array(Math.min(length - done, gdiffLimits.pieceBytesMax))
    const got = await old.read(position + done, into)
    if (got <= 0) refuseGdiff('The old file is shorter than it was')
    yield into.subarray(0, got)
    done += got
  }
}

/** A file in memory as positional reader. */
export function readerOf(bytes: Uint8Array): PositionalReader {
  return {
    size: bytes.byteLength,
    read(position, into) {
      const part = bytes.subarray(position, position + into.byteLength)
      into.set(part)
      return part.byteLength
    },
  }
}
