import { tableStart } from './jump-tables'
import { inCode } from './layouts'
import { based32 } from './references'
import { old32, oldAddress } from './window'

/** Bytes of .eh_frame_hdr before its table. */
const unwindHeadBytes: i64 = 12

/** Where the table of unwind records of the image at hand lies. */
let unwindFrom: i64 = 0
let unwindTo: i64 = 0
/** Number of that image. */
let image: u32 = 0

export function setLabelledImage(number: u32, unwind: i64, unwindBytes: i64): void {
  image = number
  unwindFrom = unwind
  unwindTo = unwind + unwindBytes
}

/** Entries of .eh_frame_hdr and of tables of jump targets. */
export function labelledWord(at: usize): bool {
  const address = oldAddress + <i64>at
  if (address >= unwindFrom + unwindHeadBytes && address < unwindTo) {
    return based32(at, unwindFrom, 0)
  }
  const start = tableStart(address)
  if (start < 0 || !inCode(start + <i64>old32(at), image)) return false
  return based32(at, start, 0)
}
