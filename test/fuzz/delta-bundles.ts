// Applies many damaged bundles: node dist/test/fuzz/delta-bundles.js --count 100000 --seed 1
import { parseArgs } from 'node:util'
import { sweepMutations } from '../unit/delta-mutations.ts'

const { values } = parseArgs({
  options: { count: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
})
const count = Number(values.count)
const started = performance.now()
let seed = Number(values.seed)
let done = 0
let refused = 0
let harmless = 0
let slowestMs = 0
const findings: string[] = []
while (done < count && findings.length < 10) {
  const part = Math.min(1000, count - done)
  const result = await sweepMutations(seed++, part)
  done += part
  refused += result.refused
  harmless += result.harmless
  slowestMs = Math.max(slowestMs, result.slowestMs)
  findings.push(...result.findings.map((finding) => `seed ${seed - 1}, ${finding}`))
}
for (const finding of findings) console.error(finding)
const seconds = ((performance.now() - started) / 1000).toFixed(0)
console.log(
  `${done} bundles in ${seconds} s: ${refused} refused, ${harmless} harmless, slowest ${slowestMs.toFixed(0)} ms, ${findings.length} findings`,
)
process.exitCode = findings.length === 0 ? 0 : 1
