/** Media type, and, without the prefix, the instance manipulation of RFC 3229. */
export const gdiffMime = 'application/gdiff'

/** NOTE-gdiff: magic and version 4. */
export const gdiffHeader: Uint8Array = Uint8Array.of(0xd1, 0xff, 0xd1, 0xff, 0x04)

/** The command that ends every difference. */
export const gdiffEnd = 0

/** Operand bytes after each opcode that is not a short literal. */
export const operandBytes: Readonly<Record<number, number>> = {
  247: 2,
  248: 4,
  249: 3,
  250: 4,
  251: 6,
  252: 5,
  253: 6,
  254: 8,
  255: 12,
}

/** Bytes that a copy takes as a command; a shorter run is cheaper as a literal. */
export function copyCommandBytes(position: number, length: number): number {
  if (position > 0x7fffffff) return 13
  if (position <= 0xffff) return length <= 0xff ? 4 : length <= 0xffff ? 5 : 7
  return length <= 0xff ? 6 : length <= 0xffff ? 7 : 9
}

/** The shortest copy command (NOTE-gdiff COPY_*); `length` is 1 to 2^31-1. */
export function encodeCopy(position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(copyCommandBytes(position, length))
  const view = new DataView(bytes.buffer)
  if (bytes.byteLength === 13) {
    view.setUint8(0, 255)
    view.setBigInt64(1, BigInt(position))
    view.setInt32(9, length)
    return bytes
  }
  const far = position > 0xffff
  const lengthAt = far ? 5 : 3
  if (far) view.setInt32(1, position)
  else view.setUint16(1, position)
  const first = far ? 252 : 249
  if (length <= 0xff) {
    view.setUint8(0, first)
    view.setUint8(lengthAt, length)
  } else if (length <= 0xffff) {
    view.setUint8(0, first + 1)
    view.setUint16(lengthAt, length)
  } else {
    view.setUint8(0, first + 2)
    view.setInt32(lengthAt, length)
  }
  return bytes
}

/** What stands before `length` literal bytes, 1 to 2^31-1 of them (NOTE-gdiff DATA_*). */
export function encodeLiteralHead(length: number): Uint8Array {
  if (length <= 246) return Uint8Array.of(length)
  if (length <= 0xffff) return Uint8Array.of(247, length >>> 8, length & 0xff)
  const bytes = new Uint8Array(5)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, 248)
  view.setInt32(1, length)
  return bytes
}
