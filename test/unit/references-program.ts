/** Makes small programs whose parts can be moved, for the tests of reference prediction. */
export interface ProgramOptions {
  readonly machine: 'x86' | 'arm64'
  readonly container: 'elf' | 'pe' | 'macho'
  /** Functions after each of which that many bytes of new code are put. */
  readonly inserted?: ReadonlyMap<number, number>
  readonly functions?: number
}

const dataOffset = 0x40000
const codeOffset = 0x1000
const bodyBytes = 96
const fileBytes = 0x48000

/** Small deterministic generator (xorshift32). */
export function seeded(seed: number): () => number {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** A program of functions that call each other and load from a table of pointers to functions. */
export function program(options: ProgramOptions): Uint8Array {
  const count = options.functions ?? 600
  const starts = functionStarts(count, options.inserted ?? new Map())
  const file = new Uint8Array(fileBytes)
  const view = new DataView(file.buffer)
  writeHeader(view, options)
  const base = imageBase(options.container)
  const random = seeded(99)
  for (const [index, start] of starts.entries()) {
    const body = seeded(index + 1)
    const targets = [random() % count, random() % count]
    for (let at = 0; at < bodyBytes; at++) file[start + at] = 0x50 + (body() % 8)
    const calls = targets.map((target) => starts[target] as number)
    const entry = dataOffset + (random() % count) * 8
    if (options.machine === 'x86') writeX86(view, start, calls, entry)
    else writeArm64(view, start, calls, entry)
  }
  for (const [index, start] of starts.entries()) {
    view.setBigUint64(dataOffset + index * 8, BigInt(base + start), true)
  }
  return file
}

/** One copy for each stretch between insertions, and one for header and data. */
export function programCopies(inserted: ReadonlyMap<number, number>, count = 600) {
  const old = functionStarts(count, new Map())
  const next = functionStarts(count, inserted)
  const copies = [{ oldPosition: 0, newPosition: 0, length: codeOffset }]
  let first = 0
  for (let index = 1; index <= count; index++) {
    const together =
      index < count &&
      (next[index] as number) - (next[first] as number) ===
        (old[index] as number) - (old[first] as number)
    if (together) continue
    copies.push({
      oldPosition: old[first] as number,
      newPosition: next[first] as number,
      length: (index - first) * bodyBytes,
    })
    first = index
  }
  copies.push({ oldPosition: dataOffset, newPosition: dataOffset, length: count * 8 })
  return copies
}

function functionStarts(count: number, inserted: ReadonlyMap<number, number>): number[] {
  let at = codeOffset
  return Array.from({ length: count }, (_, index) => {
    const start = at
    at += bodyBytes + (inserted.get(index) ?? 0)
    return start
  })
}

function writeX86(view: DataView, start: number, calls: readonly number[], entry: number): void {
  for (const [index, target] of calls.entries()) {
    const at = start + 8 + index * 16
    view.setUint8(at, 0xe8)
    view.setInt32(at + 1, target - (at + 5), true)
  }
  const at = start + 48
  for (const [index, byte] of [0x48, 0x8b, 0x05].entries()) view.setUint8(at + index, byte)
  view.setInt32(at + 3, entry - (at + 7), true)
  view.setUint8(start + bodyBytes - 1, 0xc3)
}

function writeArm64(view: DataView, start: number, calls: readonly number[], entry: number): void {
  for (let at = start; at < start + bodyBytes; at += 4) view.setUint32(at, 0xd503201f, true)
  for (const [index, target] of calls.entries()) {
    const at = start + 8 + index * 16
    view.setUint32(at, 0x94000000 + (((target - at) / 4) & 0x3ffffff), true)
  }
  const pages = (entry - (entry % 4096) - (start - (start % 4096))) / 4096
  const adrp = 0x90000000 | ((pages & 3) << 29) | (((pages >> 2) & 0x7ffff) << 5) | 3
  view.setUint32(start + 48, adrp >>> 0, true)
  view.setUint32(start + 52, (0x91000000 | ((entry % 4096) << 10) | (3 << 5) | 3) >>> 0, true)
}

function imageBase(container: ProgramOptions['container']): number {
  if (container === 'elf') return 0x400000
  return container === 'pe' ? 0x140000000 : 0x100000000
}

function writeHeader(view: DataView, { machine, container }: ProgramOptions): void {
  const parts = [
    { offset: 0, size: dataOffset, flags: 5 },
    { offset: dataOffset, size: fileBytes - dataOffset, flags: 6 },
  ]
  const base = imageBase(container)
  const word = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true)
  if (container === 'elf') {
    view.setUint32(0, 0x7f454c46)
    view.setUint32(4, 0x02010100)
    view.setUint16(18, machine === 'x86' ? 62 : 183, true)
    word(32, 64)
    view.setUint16(54, 56, true)
    view.setUint16(56, parts.length, true)
    for (const [index, { offset, size, flags }] of parts.entries()) {
      const at = 64 + index * 56
      view.setUint32(at, 1, true)
      view.setUint32(at + 4, flags, true)
      word(at + 8, offset)
      word(at + 16, base + offset)
      word(at + 32, size)
      word(at + 40, size + 0x100)
    }
  } else if (container === 'pe') {
    view.setUint16(0, 0x4d5a)
    view.setUint32(60, 128, true)
    view.setUint32(128, 0x50450000)
    view.setUint16(132, machine === 'x86' ? 0x8664 : 0xaa64, true)
    view.setUint16(134, parts.length, true)
    view.setUint16(148, 240, true)
    view.setUint16(152, 0x20b, true)
    word(176, base)
    for (const [index, { offset, size, flags }] of parts.entries()) {
      const at = 392 + index * 40
      view.setUint32(at + 8, size, true)
      view.setUint32(at + 12, offset, true)
      view.setUint32(at + 16, size, true)
      view.setUint32(at + 20, offset, true)
      view.setUint32(at + 36, flags === 5 ? 0x20000000 : 0, true)
    }
  } else {
    view.setUint32(0, 0xfeedfacf, true)
    view.setUint32(4, machine === 'x86' ? 0x1000007 : 0x100000c, true)
    view.setUint32(16, parts.length, true)
    for (const [index, { offset, size, flags }] of parts.entries()) {
      const at = 32 + index * 72
      view.setUint32(at, 0x19, true)
      view.setUint32(at + 4, 72, true)
      word(at + 24, base + offset)
      word(at + 32, size)
      word(at + 40, offset)
      word(at + 48, size)
      view.setUint32(at + 60, flags === 5 ? 5 : 3, true)
    }
  }
}
