import { tableWord } from './jump-tables'
import { labelledWord } from './label-words'
import { based32, pointer64, relative32 } from './references'
import { end, newAddress } from './window'

/** What an aligned word may be. */
export const enum Word {
  pointer64,
  relative32,
  jumpTable,
  based32,
  /** Whatever headers and code say about the word: labels only. */
  labelled,
}

@inline
function field(kind: Word, at: usize, oldBase: i64, newBase: i64): bool {
  if (kind == Word.pointer64) return pointer64(at)
  if (kind == Word.relative32) return relative32(at, at)
  if (kind == Word.jumpTable) return tableWord(at)
  if (kind == Word.based32) return based32(at, oldBase, newBase)
  return labelledWord(at)
}

/** Tries the field at every word that is aligned to its width at its new address. */
@inline
function each(kind: Word, from: usize, to: usize, oldBase: i64, newBase: i64): usize {
  const width: usize = kind == Word.pointer64 ? 8 : 4
  let at = min(from + <usize>(-(newAddress + <i64>from) & <i64>(width - 1)), to)
  for (; at < to && at + width <= end; at += width) field(kind, at, oldBase, newBase)
  return min(max(at, to), end)
}

/** Pointers of 64 bits. Returns where the stretch ends; so do the others. */
export function transformPointers(from: usize, to: usize): usize {
  return each(Word.pointer64, from, to, 0, 0)
}

/** Words that count from themselves. */
export function transformRelative(from: usize, to: usize): usize {
  return each(Word.relative32, from, to, 0, 0)
}

/** Entries of tables that count from their own start. */
export function transformJumpTables(from: usize, to: usize): usize {
  return each(Word.jumpTable, from, to, 0, 0)
}

/** Words that count from a base. */
export function transformBased(from: usize, to: usize, oldBase: i64, newBase: i64): usize {
  return each(Word.based32, from, to, oldBase, newBase)
}

export function labelWords(from: usize, to: usize): usize {
  return each(Word.labelled, from, to, 0, 0)
}
