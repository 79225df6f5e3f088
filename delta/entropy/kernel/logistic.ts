import { squashAt, stepsAt, stretchAt } from './memory'

const squashes: usize = 6144

/** Fills the tables of docs/formats/bundle.md, 3.1 and 3.3. */
export function fillTables(): void {
  fillSquash()
  fillStretch()
  for (let n: u32 = 0; n < 1024; n++) store<u32>(stepsAt + (n << 2), 16384 / (2 * n + 3))
}

/** The powers of e come by multiplying: their error stays far below what rounding could show. */
function fillSquash(): void {
  const step: f64 = 0.9961013694701175
  let power: f64 = 162754.79141900392
  for (let i: usize = 0; i < squashes; i++) {
    const exact = 65536 / (1 + power)
    store<u16>(squashAt + (i << 1), <u32>min<f64>(65534, max<f64>(1, Math.floor(exact + 0.5))))
    power *= step
  }
}

function fillStretch(): void {
  let i: usize = 1
  for (let p: u32 = 0; p < 4096; p++) {
    while (i < squashes - 1 && <u32>load<u16>(squashAt + (i << 1)) < p << 4) i++
    store<i16>(stretchAt + (p << 1), <i16>(<i32>i - 3072))
  }
}

/** s of a probability of 12 bits. */
@inline
export function stretch(p: u32): i32 {
  return load<i16>(stretchAt + (<usize>p << 1))
}

/** 16-bit probability of a sum of weighted inputs. */
@inline
export function squash(sum: i32): u32 {
  return load<u16>(squashAt + (<usize>(min(3071, max(-3072, sum)) + 3072) << 1))
}
