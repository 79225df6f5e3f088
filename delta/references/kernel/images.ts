/** The images that the stretch at hand belongs to on both sides, and what moves along with it. */
export let oldImageStart: i64 = 0
export let oldImageSpan: i64 = 0
export let oldImageBase: i64 = 0
export let newImageStart: i64 = 0
export let newImageSpan: i64 = 0
export let newImageBase: i64 = 0
/** Old addresses that the very copy at hand moves along with its fields. */
let localFrom: i64 = 0
let localTo: i64 = 0

export function setOldImage(start: i64, span: i64, base: i64): void {
  oldImageStart = start
  oldImageSpan = span
  oldImageBase = base
}

export function setNewImage(start: i64, span: i64, base: i64): void {
  newImageStart = start
  newImageSpan = span
  newImageBase = base
}

export function setLocal(from: i64, to: i64): void {
  localFrom = from
  localTo = to
}

@inline
export function isLocal(target: i64): bool {
  return target >= localFrom && target < localTo
}

@inline
export function inOldImage(address: i64): bool {
  return <u64>(address - oldImageStart) < <u64>oldImageSpan
}

@inline
export function inNewImage(address: i64): bool {
  return <u64>(address - newImageStart) < <u64>newImageSpan
}
