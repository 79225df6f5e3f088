// What one changed file of many costs on the wire, headers and metadata included:
//   node dist/bench/wire/main.js [--files 100000]
// Counts bytes at a socket, both ways, for the live form and for the static one. The aim: under
// 5,000 bytes in all.
import { parseArgs } from 'node:util'
import { measureOneChange } from '../../test/support/one-change.ts'

const { values } = parseArgs({ options: { files: { type: 'string', default: '100000' } } })
const rows = [['form', 'files', 'route', 'up', 'down', 'in all', 'no change', 'seconds']]
for (const form of ['live', 'static'] as const) {
  const one = await measureOneChange({ form, files: Number(values.files) })
  const { up, down, route, idleBytes, seconds } = one
  const figures = [up, down, up + down, idleBytes].map(String)
  rows.push([form, String(one.files), route, ...figures, seconds.toFixed(2)])
}
for (const row of rows) {
  process.stdout.write(`${row.map((cell) => cell.padStart(10)).join('')}\n`)
}
