import type { CoderInput } from './coder.ts'
import type { GoTable } from './side.ts'
import type { WindowKernel } from './window-kernel.ts'

/** Bytes of an entry of a function table, and where in it the record's offset stands. */
const entryBytes = 8
const offsetAt = 4

/** Tells a kernel where the function records of Go programs lie, from the old bytes. */
export function findGoFunctions(
  kernel: WindowKernel,
  tables: readonly GoTable[],
  input: Pick<CoderInput, 'readOld'>,
): void {
  for (const { functab, functions, bases } of tables) {
    const room = kernel.exports.addGoTable(functab, functions, ...bases)
    const bytes = new Uint8Array(functions * entryBytes)
    input.readOld(functab, bytes)
    const view = new DataView(bytes.buffer)
    const records = kernel.records(room, functions)
    for (let index = 0; index < functions; index++) {
      records[index] = view.getUint32(index * entryBytes + offsetAt, true)
    }
    records.sort()
  }
  kernel.exports.closeGoTables()
}
