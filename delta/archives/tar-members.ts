import { archiveLimits } from './limits.ts'

/** A range of unpacked content that may be an archive itself. */
export interface InnerRange {
  readonly start: number
  readonly end: number
}

const blockBytes = 512

interface TarScanner {
  push(piece: Uint8Array): void
  found(): readonly InnerRange[]
}

/**
 * Walks a tar (POSIX ustar) that passes by and notes the files in it which start like a zip or
 * gzip file. It stops at the first block that is not a header; content that is no tar has none.
 */
export function createTarScanner(): TarScanner {
  const found: InnerRange[] = []
  const block = new Uint8Array(blockBytes)
  let filled = 0
  let position = 0
  let skip = 0
  let stopped = false
  let candidate: InnerRange | undefined
  const takeBlock = (): void => {
    const starts = candidate
    candidate = undefined
    if (starts !== undefined) {
      if (looksLikeArchive(block)) found.push(starts)
      skip = Math.max(0, paddedBytes(starts.end - starts.start) - blockBytes)
      return
    }
    const size = memberBytes(block)
    if (size === undefined) stopped = true
    else if (size >= 22 && size <= archiveLimits.nestedBytesMax && isFile(block)) {
      candidate = { start: position, end: position + size }
    } else skip = paddedBytes(size)
  }
  const push = (piece: Uint8Array): void => {
    let at = 0
    while (at < piece.length && !stopped) {
      if (skip > 0) {
        const step = Math.min(skip, piece.length - at)
        skip -= step
        at += step
        position += step
        continue
      }
      const part = piece.subarray(at, at + blockBytes - filled)
      block.set(part, filled)
      filled += part.length
      at += part.length
      position += part.length
      if (filled < blockBytes) continue
      filled = 0
      takeBlock()
      stopped ||= found.length >= archiveLimits.nestedArchivesMax
    }
  }
  return { push, found: () => found }
}

/** Whether a file starts like a zip file or a gzip member. */
export function looksLikeArchive(bytes: Uint8Array): boolean {
  const zip = bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4
  const gzip = bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8
  return zip || gzip
}

function paddedBytes(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes
}

function isFile(header: Uint8Array): boolean {
  const type = header[156]
  return type === 0 || type === 0x30 || type === 0x37
}

/** Size field of a header, or undefined when the block is no header. */
function memberBytes(header: Uint8Array): number | undefined {
  const magic = Buffer.from(header.subarray(257, 262)).toString('latin1')
  const text = Buffer.from(header.subarray(124, 136)).toString('latin1')
  const digits = /^ *([0-7]{1,11})[ \0]*$/.exec(text)?.[1]
  return magic === 'ustar' && digits !== undefined ? Number.parseInt(digits, 8) : undefined
}
