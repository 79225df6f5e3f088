/** Bytes that are read by position: a file on the applying side, memory on the making side. */
export interface ByteSource {
  readonly size: number
  /** Fills `into` from `position`; returns the bytes read, fewer only at the end. */
  read(position: number, into: Uint8Array): number
  /** The bytes of a range inside it, where memory holds them; never to be written to. */
  peek?(start: number, end: number): Uint8Array
}

/** Memory as a byte source. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read(position, into) {
      const part = bytes.subarray(position, position + into.length)
      into.set(part)
      return part.length
    },
    peek: (start, end) => bytes.subarray(start, end),
  }
}

/** The bytes from `start` to `end`, or undefined when the source ends before. */
export function readRange(source: ByteSource, start: number, end: number): Uint8Array | undefined {
  if (start < 0 || end < start || end > source.size) return undefined
  if (source.peek !== undefined) return source.peek(start, end)
  const bytes = new Uint8Array(end - start)
  let filled = 0
  while (filled < bytes.length) {
    const got = source.read(start + filled, bytes.subarray(filled))
    if (got <= 0) return undefined
    filled += got
  }
  return bytes
}

/** Hands the range on in pieces; returns whether the source held all of it. */
export function copyRange(
  source: ByteSource,
  range: { readonly start: number; readonly end: number },
  pieceBytes: number,
  emit: (piece: Uint8Array) => void,
): boolean {
  for (let at = range.start; at < range.end; at += pieceBytes) {
    const piece = readRange(source, at, Math.min(range.end, at + pieceBytes))
    if (piece === undefined) return false
    emit(piece)
  }
  return true
}

/** Little-endian reads and writes; positions are the caller's to check. */
export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Whether both hold the same bytes. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0
}
