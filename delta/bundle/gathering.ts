const roomBytes = 64 * 1024

/** Takes small pieces and hands them on as large ones, which are the receiver's during the call only. */
export function gathering(write: (bytes: Uint8Array) => void): {
  push(piece: Uint8Array): void
  flush(): void
} {
  const room = new Uint8Array(roomBytes)
  let filled = 0
  const flush = (): void => {
    if (filled > 0) write(room.subarray(0, filled))
    filled = 0
  }
  const push = (piece: Uint8Array): void => {
    if (filled + piece.length > roomBytes) flush()
    if (piece.length >= roomBytes) {
      write(piece)
    } else {
      room.set(piece, filled)
      filled += piece.length
    }
  }
  return { push, flush }
}
