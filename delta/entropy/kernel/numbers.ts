import { codeCell } from './adaptive-bits'
import { numberTooLarge, stop } from './outside'
import { codeBit } from './range-coder'

/* Number models of docs/formats/bundle.md, 3.2. Those of one context lie together. */

const widthMax: u32 = 53
/** Bytes of a context: the cells of the width, then eight for the digits behind each width. */
const contextBytes: usize = 64 * 4 + 64 * 8 * 4

export function numberBytes(contexts: u32): usize {
  return <usize>contexts * contextBytes
}

export function codeNumber(model: usize, context: u32, value: u64, most: u32): u64 {
  const widths = model + <usize>context * contextBytes
  const wanted = <u32>(64 - clz(value))
  let width: u32 = 0
  while (codeCell(widths + (width << 2), u32(width < wanted), most)) {
    if (++width > widthMax) stop(numberTooLarge)
  }
  if (width < 2) return width
  const digits = widths + 64 * 4 + (width << 5)
  let result: u64 = 1
  let node: u32 = 1
  for (let left = <i32>width - 2; left >= 0; left--) {
    const digit = <u32>(value >> left) & 1
    let coded: u32
    if (node < 8) {
      coded = codeCell(digits + (node << 2), digit, most)
      node = (node << 1) | coded
    } else {
      coded = codeBit(digit, 32768)
    }
    result = (result << 1) | coded
  }
  return result
}

/** Numbers of either sign. */
export function codeSigned(model: usize, context: u32, value: i64, most: u32): i64 {
  const folded = codeNumber(model, context, value < 0 ? -value * 2 - 1 : value * 2, most)
  return folded & 1 ? -(<i64>(folded >> 1)) - 1 : <i64>(folded >> 1)
}
