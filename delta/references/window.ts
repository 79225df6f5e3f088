import { AddressPairs } from './address-pairs.ts'
import type { CopyOp } from './coder.ts'
import { Frames } from './frames.ts'
import { referenceLimits } from './limits.ts'
import type { Targets } from './targets.ts'
import { WasmMoves } from './wasm.ts'
import { Instruction } from './x86.ts'

/** Copies before and after the one at hand that may hold the target of a jump. */
const copiesAsked = 8
/** Bytes that a jump inside a function may become longer or shorter. */
const stretchMax = 2048

/**
 * The part of a copy that is being transformed. `old` are the base bytes; `io` turns from new
 * bytes into differences or, when decoding, from differences into new bytes, in place and in
 * ascending order, so that what lies before a field is known on both sides.
 */
export class Window {
  /** Index 0 of a window lies here in both buffers; old bytes before it give context. */
  readonly start: number = referenceLimits.contextBytes
  readonly old = new Uint8Array(referenceLimits.windowBytes + 2 * referenceLimits.contextBytes)
  readonly io = new Uint8Array(referenceLimits.windowBytes + referenceLimits.contextBytes)
  readonly instruction = new Instruction()
  /** Index after the last byte of the window. */
  end = 0
  /** Old bytes before the span at hand that belong to the same region. */
  lead = 0
  decode = false
  /** Addresses of index 0; they hold for the span being transformed only. */
  oldAddress = 0
  newAddress = 0
  /** Old addresses that this very copy moves along with the field. */
  localFrom = 0
  localTo = 0
  copies: readonly CopyOp[] = []
  copyIndex = 0
  /** Positions of index 0. */
  newPosition = 0
  oldPosition = 0
  oldImageStart = 0
  newImageStart = 0
  oldImageBase = 0
  newImageBase = 0
  oldImageSpan = 0
  newImageSpan = 0
  readonly targets: Targets
  readonly frames = new Frames()
  readonly pairs = new AddressPairs()
  private learnedWasm: WasmMoves | undefined

  constructor(targets: Targets) {
    this.targets = targets
  }

  /** Made when it is first needed: its tables take megabytes. */
  get wasm(): WasmMoves {
    this.learnedWasm ??= new WasmMoves()
    return this.learnedWasm
  }

  /** Byte by byte, no prediction. */
  plain(from: number, to: number): void {
    const { old, io } = this
    if (this.decode) {
      for (let at = from; at < to; at++) io[at] = (io[at] as number) + (old[at] as number)
    } else {
      for (let at = from; at < to; at++) io[at] = (io[at] as number) - (old[at] as number)
    }
  }

  old32(at: number): number {
    const { old } = this
    return (
      (old[at] as number) |
      ((old[at + 1] as number) << 8) |
      ((old[at + 2] as number) << 16) |
      ((old[at + 3] as number) << 24)
    )
  }

  /** Transforms a little-endian field whose new value is expected; returns its real new value. */
  field32(at: number, expected: number): number {
    const { io } = this
    const read =
      (io[at] as number) |
      ((io[at + 1] as number) << 8) |
      ((io[at + 2] as number) << 16) |
      ((io[at + 3] as number) << 24)
    const written = this.decode ? (read + expected) | 0 : (read - expected) | 0
    io[at] = written
    io[at + 1] = written >>> 8
    io[at + 2] = written >>> 16
    io[at + 3] = written >>> 24
    return this.decode ? written : read
  }

  /**
   * Where an old target will be. Targets that move along with the field itself stay as far away
   * as they are.
   */
  moved(target: number): number {
    if (target >= this.localFrom && target < this.localTo) {
      return target - this.oldAddress + this.newAddress
    }
    return this.targets.predict(target)
  }

  /** New address of an index: what distances count from. */
  here(at: number): number {
    return this.newAddress + at
  }

  inOldImage(address: number): boolean {
    const rva = address - this.oldImageStart
    return rva >= 0 && rva < this.oldImageSpan
  }

  /** Tells what a target became, when the expectation failed. */
  found(target: number, expected: number, actual: number): void {
    if (actual === expected) return
    if (target >= this.localFrom && target < this.localTo) return
    const rva = actual - this.newImageStart
    if (rva >= 0 && rva < this.newImageSpan) this.targets.learn(target, actual)
  }

  /**
   * A field that counts from `anchor` bytes after index 0: rel32 of x86, .eh_frame, jump tables.
   * Returns false, and leaves the field alone, when it does not look like one.
   */
  relative32(at: number, anchor: number): boolean {
    const distance = this.old32(at)
    const target = this.oldAddress + anchor + distance
    const rva = target - this.oldImageStart
    if (rva < 0 || rva >= this.oldImageSpan) return false
    const expected = this.moved(target)
    if (Number.isNaN(expected)) return false
    const from = this.newAddress + anchor
    const actual = this.field32(at, (expected - from) | 0)
    this.found(target, expected, from + actual)
    return true
  }

  /** A 32-bit distance from a base whose old and new addresses are known. */
  based32(at: number, oldBase: number, newBase: number): boolean {
    const target = oldBase + this.old32(at)
    const rva = target - this.oldImageStart
    if (rva < 0 || rva >= this.oldImageSpan) return false
    const expected = this.moved(target)
    if (Number.isNaN(expected)) return false
    const actual = this.field32(at, (expected - newBase) | 0)
    this.found(target, expected, newBase + actual)
    return true
  }

  /** A 64-bit pointer. Its upper half must be that of the image. */
  pointer64(at: number): boolean {
    const value = (this.old32(at) >>> 0) + (this.old32(at + 4) >>> 0) * 2 ** 32
    const rva = value - this.oldImageBase
    if (!(rva >= 0 && rva < this.oldImageSpan)) return false
    const target = this.oldImageStart + rva
    const expected = this.moved(target)
    if (Number.isNaN(expected)) return false
    const absolute = expected - this.newImageStart + this.newImageBase
    const low = this.field32(at, (absolute % 2 ** 32) | 0)
    const high = this.field32(at + 4, Math.floor(absolute / 2 ** 32) | 0)
    const actual = (low >>> 0) + (high >>> 0) * 2 ** 32
    this.found(target, expected, actual - this.newImageBase + this.newImageStart)
    return true
  }

  /** Transforms one byte whose new value is expected. */
  byte(at: number, expected: number): void {
    const value = this.io[at] as number
    this.io[at] = this.decode ? value + expected : value - expected
  }

  private field8(at: number, expected: number): number {
    const { io } = this
    const read = io[at] as number
    const written = this.decode ? (read + expected) & 255 : (read - expected) & 255
    io[at] = written
    return ((this.decode ? written : read) << 24) >> 24
  }

  /** Whether a short jump leaves what this copy moves. */
  leaves8(at: number): boolean {
    const target = this.oldAddress + at + 1 + (((this.old[at] as number) << 24) >> 24)
    return target < this.localFrom || target >= this.localTo
  }

  /**
   * Where a jump inside a function goes. Functions stay together though their parts may have been
   * copied from several places: so the copies before and after this one are asked first.
   */
  private jumped(anchor: number, distance: number): number {
    const target = this.oldAddress + anchor + distance
    if (target >= this.localFrom && target < this.localTo) return distance
    const known = this.targets.known(target) - this.newAddress - anchor
    if (Math.abs(known - distance) <= stretchMax) return known
    const position = this.oldPosition + anchor + distance
    const { copies, copyIndex } = this
    const step = distance < 0 ? -1 : 1
    for (let near = 1; near <= copiesAsked; near++) {
      const copy = copies[copyIndex + step * near]
      if (copy === undefined) break
      const into = position - copy.oldPosition
      if (into >= 0 && into < copy.length) {
        const found = copy.newPosition + into - this.newPosition - anchor
        if (Math.abs(found - distance) <= stretchMax) return found
      }
    }
    const moved = this.targets.predict(target) - this.newAddress - anchor
    return Math.abs(moved - distance) <= stretchMax ? moved : distance
  }

  private landed(anchor: number, distance: number, expected: number, actual: number): void {
    if (actual === expected) return
    const target = this.oldAddress + anchor + distance
    if (target >= this.localFrom && target < this.localTo) return
    if (Math.abs(actual - distance) <= stretchMax)
      this.targets.learn(target, this.newAddress + anchor + actual)
  }

  /** A 32-bit jump; false when it leaves the function or the image. */
  near32(at: number, anchor: number): boolean {
    const distance = this.old32(at)
    if (distance > 65536 || distance < -65536) return this.relative32(at, anchor)
    const expected = this.jumped(anchor, distance)
    const actual = this.field32(at, expected)
    this.landed(anchor, distance, expected, actual)
    return true
  }

  /** An 8-bit distance from the byte after it: short jumps. */
  near8(at: number): void {
    const distance = ((this.old[at] as number) << 24) >> 24
    const moved = this.jumped(at + 1, distance)
    const expected = moved >= -128 && moved < 128 ? moved : distance
    this.landed(at + 1, distance, expected, this.field8(at, expected))
  }

  displacement8(at: number, register: number): void {
    const value = ((this.old[at] as number) << 24) >> 24
    const move = this.frames.move(register, value)
    const actual = this.field8(at, value + move)
    this.frames.learn(register, value, actual - value)
  }

  displacement32(at: number, register: number): void {
    const value = this.old32(at)
    const move = this.frames.move(register, value)
    const actual = this.field32(at, (value + move) | 0)
    this.frames.learn(register, value, (actual - value) | 0)
  }
}
