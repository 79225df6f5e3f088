import type { Image, Layout, Region } from './layout.ts'
import { unloaded } from './layout.ts'

/** A part of an executable as its headers describe it, positions from the start of the file. */
export interface Section {
  readonly offset: number
  readonly size: number
  readonly address: number
  readonly memory: number
  readonly executable: boolean
}
export type Machine = 'x86' | 'arm64' | 'wasm' | 'other'
export interface Executable {
  readonly machine: Machine
  readonly base: number
  readonly sections: readonly Section[]
  /** .eh_frame_hdr, whose table counts from itself. */
  readonly unwindTable?: { readonly address: number; readonly size: number }
}

/** Reads the headers of an ELF, PE, Mach-O or WebAssembly file; undefined when it is none of them. */
export function parseExecutable(file: Uint8Array): Executable | undefined {
  try {
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
    if (file.length < 64) return undefined
    const magic = view.getUint32(0)
    if (magic === 0x7f454c46) return parseElf(view)
    if (magic === 0x0061736d) return parseWasm(file)
    if (magic >>> 16 === 0x4d5a) return parsePe(view)
    if (view.getUint32(0, true) === 0xfeedfacf) return parseMachO(view)
    return undefined
  } catch (error) {
    // A header that points outside of the file: not something to predict.
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function machineOf(code: number, x86: number, arm64: number): Machine {
  if (code === x86) return 'x86'
  return code === arm64 ? 'arm64' : 'other'
}

function u64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32
}

/** ELF64, little-endian: the PT_LOAD entries (gABI, program header). */
function parseElf(view: DataView): Executable | undefined {
  if (view.getUint8(4) !== 2 || view.getUint8(5) !== 1) return undefined
  const sections: Section[] = []
  let unwindTable: Executable['unwindTable']
  const table = u64(view, 32)
  const size = view.getUint16(54, true)
  const count = view.getUint16(56, true)
  for (let index = 0; index < count; index++) {
    const at = table + index * size
    if (view.getUint32(at, true) === 0x6474e550) {
      unwindTable = { address: u64(view, at + 16), size: u64(view, at + 32) }
    }
    if (view.getUint32(at, true) !== 1) continue
    sections.push({
      offset: u64(view, at + 8),
      size: u64(view, at + 32),
      address: u64(view, at + 16),
      memory: u64(view, at + 40),
      executable: (view.getUint32(at + 4, true) & 1) !== 0,
    })
  }
  const lowest = sections.reduce((least, { address }) => Math.min(least, address), 2 ** 53)
  if (sections.length === 0) return undefined
  const machine = machineOf(view.getUint16(18, true), 62, 183)
  const base = lowest - (lowest % 4096)
  return { machine, base, sections, ...(unwindTable === undefined ? {} : { unwindTable }) }
}

/** PE32+: the section table; addresses count from the image base. */
function parsePe(view: DataView): Executable | undefined {
  const header = view.getUint32(60, true)
  if (view.getUint32(header) !== 0x50450000) return undefined
  if (view.getUint16(header + 24, true) !== 0x20b) return undefined
  const base = u64(view, header + 24 + 24)
  const table = header + 24 + view.getUint16(header + 20, true)
  const sections: Section[] = []
  for (let index = 0; index < view.getUint16(header + 6, true); index++) {
    const at = table + index * 40
    const memory = view.getUint32(at + 8, true)
    const size = Math.min(view.getUint32(at + 16, true), memory)
    sections.push({
      offset: view.getUint32(at + 20, true),
      size,
      address: base + view.getUint32(at + 12, true),
      memory,
      executable: (view.getUint32(at + 36, true) & 0x20000000) !== 0,
    })
  }
  const machine = machineOf(view.getUint16(header + 4, true), 0x8664, 0xaa64)
  return { machine, base, sections }
}

/** Mach-O 64, little-endian: the LC_SEGMENT_64 commands. */
function parseMachO(view: DataView): Executable | undefined {
  const sections: Section[] = []
  let at = 32
  for (let index = 0; index < view.getUint32(16, true); index++) {
    if (view.getUint32(at, true) === 0x19 && view.getUint32(at + 60, true) !== 0) {
      sections.push({
        address: u64(view, at + 24),
        memory: u64(view, at + 32),
        offset: u64(view, at + 40),
        size: u64(view, at + 48),
        executable: (view.getUint32(at + 60, true) & 4) !== 0,
      })
    }
    at += Math.max(8, view.getUint32(at + 4, true))
  }
  const loaded = sections.filter(({ size }) => size > 0)
  if (loaded.length === 0) return undefined
  const base = loaded.reduce((least, { address }) => Math.min(least, address), 2 ** 53)
  return { machine: machineOf(view.getUint32(4, true), 0x1000007, 0x100000c), base, sections }
}

const wasmCodeSection = 10
const wasmDataSection = 11

/** WebAssembly: the code and data sections. Nothing is loaded: positions stand for addresses. */
function parseWasm(file: Uint8Array): Executable | undefined {
  const sections: Section[] = []
  let at = 8
  while (at < file.length) {
    const kind = file[at++]
    let size = 0
    for (let scale = 1; scale < 2 ** 35; scale *= 128) {
      const byte = file[at++] ?? 0
      size += (byte & 127) * scale
      if (byte < 128) break
    }
    const executable = kind === wasmCodeSection
    if (executable || kind === wasmDataSection) {
      if (at + size > file.length) return undefined
      sections.push({ offset: at, size, address: at, memory: size, executable })
    }
    at += size
  }
  return sections.length === 0 ? undefined : { machine: 'wasm', base: 0, sections }
}

const spanUnit = 2 ** 20

/** One file of a set and what its headers say. */
export interface PlacedExecutable {
  readonly position: number
  readonly size: number
  readonly executable: Executable
}

/** Lays the images of a set side by side on one address line. */
export function layOut(placed: readonly PlacedExecutable[]): Layout {
  const images: Image[] = []
  const regions: Region[] = []
  let start = spanUnit
  for (const { position, size, executable } of placed) {
    const image = images.length
    const ends = executable.sections.map(({ address, memory }) => address + memory)
    const span = Math.max(...ends) - executable.base
    images.push({ start, span, base: executable.base })
    let reached = 0
    const sections = [...executable.sections].sort((a, b) => a.offset - b.offset)
    for (const section of sections) {
      const at = Math.max(section.offset, reached)
      const end = Math.min(section.offset + section.size, size)
      if (at > end) continue
      if (at > reached) regions.push(filler(position + reached, at - reached, image))
      const address = section.address - executable.base + start + (at - section.offset)
      const memory = Math.max(section.memory - (at - section.offset), end - at)
      regions.push({
        position: position + at,
        size: end - at,
        address,
        memory,
        image,
        executable: section.executable,
      })
      reached = end
    }
    if (reached < size) regions.push(filler(position + reached, size - reached, image))
    start += Math.ceil((span + 1) / spanUnit) * spanUnit
  }
  return { images, regions }
}

function filler(position: number, size: number, image: number): Region {
  return { position, size, address: unloaded, memory: 0, image, executable: false }
}
