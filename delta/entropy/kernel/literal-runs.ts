import { advanceFile, literalsAreBulk, oldPlace } from './file-state'
import { codeLiterals } from './literals'
import { lack, near, nearAddress } from './old-bytes'
import { outputLeft, outputNext, pushTail } from './output'
import { placeLimit } from './places'
import { lacksBulk, lacksRoom, ready } from './states'

/* Decodes runs of literals of a file. */

/** Bytes of the run, and how many of them are there. */
let count: i64 = 0
let done: i64 = 0

export function beginLiterals(bytes: i64): void {
  count = bytes
  done = 0
}

/** Goes on with the run. */
export function decodeLiterals(): u32 {
  while (done < count) {
    let take = min<i64>(count - done, outputLeft())
    if (take == 0) return lacksRoom
    if (literalsAreBulk()) return lacksBulk
    const beside = oldPlace() + done
    let besideCount: i64 = 0
    if (oldPlace() >= 0 && beside < placeLimit()) {
      take = min(take, min(placeLimit() - beside, near(beside)))
      if (take == 0) return lack(beside)
      besideCount = take
    }
    const before = <u32>min<i64>(done, 9)
    codeLiterals(outputNext(), <u32>take, nearAddress(beside), <u32>besideCount, before)
    advanceFile(<u32>take)
    done += take
  }
  return ready
}

/** How many literals of the run may come from the bulk stream now. */
export function literalsWanted(): u32 {
  return <u32>min<i64>(count - done, outputLeft())
}

/** So many literals were put into the room from the bulk stream. */
export function tookLiterals(bytes: u32): void {
  pushTail(outputNext() + bytes, bytes)
  advanceFile(bytes)
  done += bytes
}
