/**
 * Prediction of references in executables: calls, jumps, pointers and table entries change in
 * every place when code moves; after matching, both sides know what moved where, so most of these
 * changes need not travel. docs/formats/references.md has the format.
 *
 * Making: match old and new; `labelViews(input)` gives both sides with references replaced by what
 * they mean; match these views again (same positions, longer copies); then `planReferences` on the
 * real bytes with the final copies gives `side`, or undefined when it does not pay; then, for each
 * copy in the order of the list and each window of `referenceLimits.windowBytes` of it in
 * ascending order, `coder.difference` turns new bytes into differences, mostly zero.
 *
 * Applying: with the complete copy list and `side`, the same calls in the same order with
 * `coder.restore` turn differences into new bytes. Every window is whole, only the last of a copy
 * is shorter. The coder reads the old bytes itself, through `readOld`: at most one window and 64
 * bytes on either side at a time, in addition to the tables of functions and, when a tables mode
 * is used, the code of the old files once. It learns from every window, so none may be left out,
 * repeated or reordered, and a coder serves one pass only.
 *
 * Positions count from the start of all old files, or all new files, laid one after the other in
 * the order of the bundle; `oldFiles` and `nextFiles` tell the maker where single files lie.
 */
export type { FileRange } from './analysis.ts'
export { type CoderInput, type CopyOp, createReferenceCoder, type ReferenceCoder } from './coder.ts'
export { referenceError } from './errors.ts'
export { labelViews } from './label-views.ts'
export { referenceLimits } from './limits.ts'
export { planReferences } from './plan.ts'
export type { PlanInput } from './plan-input.ts'
