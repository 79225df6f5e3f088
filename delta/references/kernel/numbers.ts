/** Stands for an address or a move that is not known. */
export const unknown: i64 = i64.MIN_VALUE

/** The multiplicative hash of all learned tables; slots are taken from its low bits. */
@inline
export function hashed(value: i64): u32 {
  return <u32>value * 0x9e3779b1
}
