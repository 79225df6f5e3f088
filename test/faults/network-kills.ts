// Servers that are killed under updating tuners:
//   node dist/test/faults/network-kills.js [--seconds 60] [--tuners 100] [--real 12] [--seed N]
// Transmitter, repeater, proxy and plug-in get SIGKILL about every two seconds and start again.
// Prints counts; everything behind "mixed", "lost", "doubled" and "stuck" must be 0.
import { parseArgs } from 'node:util'
import { simulateNetwork } from './network-simulation.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    tuners: { type: 'string', default: '100' },
    real: { type: 'string', default: '12' },
    seed: { type: 'string', default: '1' },
  },
})
const realTuners = Number(values.real)
const result = await simulateNetwork({
  seconds: Number(values.seconds),
  realTuners,
  lightTuners: Math.max(0, Number(values.tuners) - realTuners),
  seed: Number(values.seed),
  tell: (line) => process.stderr.write(`${line}\n`),
})
const { kills, feedback, plugin, mixed } = result
const killed = Object.entries(kills).map(([role, count]) => `${role} ${count}`)
process.stdout.write(
  [
    `kills            ${killed.join(', ')}`,
    `releases         ${result.releases}`,
    `rounds           ${result.rounds} whole, ${result.failedRounds} while servers were away`,
    `feedback         ${feedback.sent} sent, ${feedback.lost} lost, ${feedback.doubled} doubled`,
    `at the plug-in   ${plugin.lost} lost, ${plugin.doubled} doubled`,
    `mixed            ${mixed.length}`,
    `stuck            ${result.stuck}, converged after ${(result.convergedMs / 1000).toFixed(1)} s`,
    ...mixed.map((what) => `    mixed: ${what}`),
    '',
  ].join('\n'),
)
const bad = feedback.lost + feedback.doubled + plugin.lost + plugin.doubled + mixed.length
process.exitCode = bad + result.stuck === 0 ? 0 : 1
