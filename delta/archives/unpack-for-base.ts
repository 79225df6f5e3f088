import { hasUnpackable, outerContext, parseArchive, writeArchive } from './archive-view.ts'
import type { ByteSource } from './byte-source.ts'
import { archiveLimits, type UnpackLimits } from './limits.ts'
import type { StreamPolicy } from './view-context.ts'

class ViewTooLarge extends Error {}

/** Everything that inflates is unpacked, and checksums are taken as headers say them. */
const basePolicy: StreamPolicy = {
  accepts: () => true,
  written: () => {},
  hasCrc: () => true,
}

/**
 * Writes the view of an old file, which depends on nothing but its bytes and the limit. Memory:
 * about 48 MiB at most. Undefined when the file is no archive or its view would pass the limit;
 * what the sink got by then is to be thrown away.
 */
export function unpackForBase(
  reader: ByteSource,
  sink: (chunk: Uint8Array) => void,
  limits: UnpackLimits = {},
): { readonly viewBytes: number } | undefined {
  const viewBytesMax = limits.viewBytesMax ?? archiveLimits.viewBytesMax
  const structure = parseArchive(reader, viewBytesMax)
  if (structure === undefined || !hasUnpackable(reader, structure, basePolicy)) return undefined
  let viewBytes = 0
  const context = outerContext(basePolicy, (piece) => {
    viewBytes += piece.length
    if (viewBytes > viewBytesMax) throw new ViewTooLarge()
    sink(piece)
  })
  try {
    writeArchive(reader, structure, context)
  } catch (error) {
    if (error instanceof ViewTooLarge) return undefined
    throw error
  }
  return { viewBytes }
}
