import type { PlacedExecutable } from './executables.ts'

/** Where the tables of a Go program lie: addresses on the common line, one position. */
export interface GoProgram {
  readonly text: number
  readonly names: number
  readonly pctab: number
  readonly gofunc: number
  readonly functab: number
  readonly types: number
  readonly functabPosition: number
  readonly functions: number
}

/** Bytes of an entry of the function table. */
const entryBytes = 8
const headerMagic = Buffer.of(0xf1, 0xff, 0xff, 0xff, 0, 0)

/** Finds runtime.pclntab (Go 1.20 and later) and the runtime.moduledata that points to it. */
export function findGoProgram(
  bytes: Uint8Array,
  file: PlacedExecutable,
  imageStart: number,
): GoProgram | undefined {
  const own = bytes.subarray(file.position, file.position + file.size)
  const view = new DataView(own.buffer, own.byteOffset, own.byteLength)
  const { base, sections } = file.executable
  const searched = Buffer.from(own.buffer, own.byteOffset, own.byteLength)
  for (
    let at = searched.indexOf(headerMagic);
    at >= 0 && at + 80 < own.length;
    at = searched.indexOf(headerMagic, at + 1)
  ) {
    if (own[at + 7] !== 8 || (own[at + 6] !== 1 && own[at + 6] !== 4)) continue
    const section = sections.find(({ offset, size }) => at >= offset && at < offset + size)
    if (section === undefined) continue
    const address = section.address + at - section.offset
    const module = findPointer(own, address, at)
    if (module === undefined) continue
    const word = (index: number) => u64(view, module + index * 8)
    const line = (value: number) => value - base + imageStart
    const functab = u64(view, at + 64)
    const functions = word(17)
    if (at + functab + functions * entryBytes > own.length) continue
    return {
      text: line(word(22)),
      names: line(word(1)),
      pctab: line(word(10)),
      gofunc: line(word(40)),
      functab: line(word(13)),
      types: line(word(37)),
      functabPosition: file.position + at + functab,
      functions,
    }
  }
  return undefined
}

function u64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32
}

/** The 8-aligned word that holds the address and is followed by the names' address. */
function findPointer(own: Uint8Array, address: number, header: number): number | undefined {
  const view = new DataView(own.buffer, own.byteOffset, own.byteLength)
  const names = address + u64(view, header + 32)
  const low = address % 2 ** 32
  for (let at = 0; at + 512 < own.length; at += 8) {
    // A comparison that sorts out nearly all comes first: this looks at a whole program.
    if (view.getUint32(at, true) !== low) continue
    if (u64(view, at) === address && u64(view, at + 8) === names) return at
  }
  return undefined
}
