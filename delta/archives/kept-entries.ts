import { memorySource, sameBytes, view } from './byte-source.ts'
import type { KeptEntries } from './view-context.ts'
import { parseZip, type ZipEntry, type ZipStructure } from './zip-structure.ts'

interface OldEntry {
  readonly zip: OldZip
  readonly index: number
}

interface OldZip {
  readonly bytes: Uint8Array
  readonly structure: ZipStructure
}

/**
 * The entries of old zip files, to find those that a new one has just so: they stay packed, and
 * neither side inflates or deflates them.
 */
export class OldEntries {
  private readonly entries = new Map<string, OldEntry>()

  /** Takes in a file; one that is no zip file has no entries. */
  add(bytes: Uint8Array): void {
    const structure = parseZip(memorySource(bytes))
    if (structure === undefined) return
    for (const [index, entry] of structure.entries.entries()) {
      if (regular(entry, structure.base)) {
        this.entries.set(keyOf(entry), { zip: { bytes, structure }, index })
      }
    }
  }

  /** The entries from `first` on that lie in an old file in the same way. */
  keptFrom(bytes: Uint8Array, zip: ZipStructure, first: number): KeptEntries | undefined {
    const entry = zip.entries[first]
    if (entry === undefined) return undefined
    const old = this.entries.get(keyOf(entry))
    if (old === undefined) return undefined
    const centrals: Uint8Array[] = []
    let before: { readonly next: ZipEntry; readonly old: ZipEntry } | undefined
    for (;;) {
      const next = zip.entries[first + centrals.length]
      const other = old.zip.structure.entries[old.index + centrals.length]
      if (next === undefined || other === undefined) break
      const follows =
        before === undefined ||
        (before.next.end === next.localStart && before.old.end === other.localStart)
      if (!follows || !regular(next, zip.base)) break
      if (!regular(other, old.zip.structure.base)) break
      if (!sameEntry(bytes, next, old.zip.bytes, other)) break
      centrals.push(other.central)
      before = { next, old: other }
    }
    return centrals.length === 0 ? undefined : { count: centrals.length, centrals }
  }
}

function keyOf({ crc, contentBytes, dataStart, dataEnd, local }: ZipEntry): string {
  return `${crc} ${contentBytes} ${dataEnd - dataStart} ${Buffer.from(local.subarray(30)).toString('latin1')}`
}

/** Whether the central header's offset is where the entry is. */
function regular({ localStart, central }: ZipEntry, base: number): boolean {
  const offset = view(central).getUint32(42, true)
  return offset < 0xffffffff && offset === localStart - base
}

function sameEntry(next: Uint8Array, a: ZipEntry, old: Uint8Array, b: ZipEntry): boolean {
  return (
    sameBytes(a.central.subarray(0, 42), b.central.subarray(0, 42)) &&
    sameBytes(a.central.subarray(46), b.central.subarray(46)) &&
    sameBytes(next.subarray(a.localStart, a.end), old.subarray(b.localStart, b.end))
  )
}
