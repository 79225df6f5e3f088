/*
 * What decoding a file may lack (the doors of exact-copies, inexact-copies and literal-runs return it). Whatever lacks
 * something goes on when it is called again.
 */

/** Nothing: it is done. */
export const ready: u32 = 0
/** The room for output is full. */
export const lacksRoom: u32 = 1
/** The old bytes at `lackingPlace` are not at hand. */
export const lacksOld: u32 = 2
/** Literals come from the bulk stream. */
export const lacksBulk: u32 = 3
