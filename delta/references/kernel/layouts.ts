import { setNewImage, setOldImage } from './images'
import { take } from './memory'

/**
 * Where the bytes of the old and the new files are loaded. A region holds its position, size and
 * address (-1 when it is not loaded), 64 bits each, its image and whether it is code; an image its
 * start, span and base. Regions are sorted by position and do not overlap.
 */
const regionBytes: usize = 32
const sizeAt: usize = 8
const addressAt: usize = 16
const imageAt: usize = 24
const executableAt: usize = 28
const imageBytes: usize = 24
const spanAt: usize = 8
const baseAt: usize = 16

let oldRegions: usize = 0
let oldRegionsEnd: usize = 0
let newRegions: usize = 0
let newRegionsEnd: usize = 0
let oldImages: usize = 0
let oldImagesEnd: usize = 0
let newImages: usize = 0
let newImagesEnd: usize = 0

/** Takes room for the layouts of both sides. */
export function openLayouts(
  oldImageCount: u32,
  oldRegionCount: u32,
  newImageCount: u32,
  newRegionCount: u32,
): void {
  oldImages = oldImagesEnd = take(<usize>oldImageCount * imageBytes)
  oldRegions = oldRegionsEnd = take(<usize>oldRegionCount * regionBytes)
  newImages = newImagesEnd = take(<usize>newImageCount * imageBytes)
  newRegions = newRegionsEnd = take(<usize>newRegionCount * regionBytes)
}

export function addOldImage(start: f64, span: f64, base: f64): void {
  writeImage(oldImagesEnd, start, span, base)
  oldImagesEnd += imageBytes
}

export function addNewImage(start: f64, span: f64, base: f64): void {
  writeImage(newImagesEnd, start, span, base)
  newImagesEnd += imageBytes
}

function writeImage(image: usize, start: f64, span: f64, base: f64): void {
  store<i64>(image, <i64>start)
  store<i64>(image, <i64>span, spanAt)
  store<i64>(image, <i64>base, baseAt)
}

/** @param address -1 when the region is not loaded */
export function addOldRegion(at: f64, size: f64, address: f64, image: u32, code: bool): void {
  writeRegion(oldRegionsEnd, at, size, address, image, code)
  oldRegionsEnd += regionBytes
}

export function addNewRegion(at: f64, size: f64, address: f64, image: u32, code: bool): void {
  writeRegion(newRegionsEnd, at, size, address, image, code)
  newRegionsEnd += regionBytes
}

function writeRegion(
  region: usize,
  position: f64,
  size: f64,
  address: f64,
  image: u32,
  executable: bool,
): void {
  store<i64>(region, <i64>position)
  store<i64>(region, <i64>size, sizeAt)
  store<i64>(region, <i64>address, addressAt)
  store<u32>(region, image, imageAt)
  store<u32>(region, executable ? 1 : 0, executableAt)
}

/** The old region that holds a position; 0 for none. */
export function oldRegionAt(position: i64): usize {
  return regionAt(oldRegions, oldRegionsEnd, position)
}

export function newRegionAt(position: i64): usize {
  return regionAt(newRegions, newRegionsEnd, position)
}

function regionAt(first: usize, end: usize, position: i64): usize {
  let low: usize = 0
  let high = (end - first) / regionBytes
  while (low < high) {
    const middle = (low + high) >> 1
    if (load<i64>(first + middle * regionBytes) <= position) low = middle + 1
    else high = middle
  }
  if (low == 0) return 0
  const region = first + (low - 1) * regionBytes
  return position < regionEnd(region) ? region : 0
}

@inline
export function regionPosition(region: usize): i64 {
  return load<i64>(region)
}

@inline
export function regionEnd(region: usize): i64 {
  return load<i64>(region) + load<i64>(region, sizeAt)
}

@inline
export function isLoaded(region: usize): bool {
  return load<i64>(region, addressAt) != -1
}

/** What makes an address of a position inside the region. */
@inline
export function regionShift(region: usize): i64 {
  return load<i64>(region, addressAt) - load<i64>(region)
}

export function enterOldImage(number: u32): void {
  const image = oldImages + <usize>number * imageBytes
  setOldImage(load<i64>(image), load<i64>(image, spanAt), load<i64>(image, baseAt))
}

export function enterImages(oldRegion: usize, newRegion: usize): void {
  enterOldImage(load<u32>(oldRegion, imageAt))
  const image = newImages + <usize>load<u32>(newRegion, imageAt) * imageBytes
  setNewImage(load<i64>(image), load<i64>(image, spanAt), load<i64>(image, baseAt))
}

/** Whether an address lies in code of an old image. */
export function inCode(address: i64, image: u32): bool {
  for (let region = oldRegions; region < oldRegionsEnd; region += regionBytes) {
    if (load<u32>(region, executableAt) == 0 || load<u32>(region, imageAt) != image) continue
    const into = address - load<i64>(region, addressAt)
    if (into >= 0 && into < load<i64>(region, sizeAt)) return true
  }
  return false
}
