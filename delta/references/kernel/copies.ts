import { take } from './memory'

/** The copies in the order of the list: old position, new position and length, 32 bits each. */
const copyBytes: usize = 12

let copies: usize = 0
let count: u32 = 0

/** Takes room for the copies; returns where they are to be written. */
export function openCopies(copiesAll: u32): usize {
  count = copiesAll
  copies = take(<usize>count * copyBytes)
  return copies
}

@inline
export function hasCopy(index: i32): bool {
  return <u32>index < count
}

@inline
export function copyOldPosition(index: i32): i64 {
  return <i64>load<u32>(copies + <usize>index * copyBytes)
}

@inline
export function copyNewPosition(index: i32): i64 {
  return <i64>load<u32>(copies + <usize>index * copyBytes, 4)
}

@inline
export function copyLength(index: i32): i64 {
  return <i64>load<u32>(copies + <usize>index * copyBytes, 8)
}
