import { type Load, measureRound, type RoundCost } from './load.ts'
import type { ServerProcess } from './server-process.ts'

/** A server and the load it gets. */
export interface Contender {
  readonly server: ServerProcess
  readonly load: Load
}

/** A contender's rounds. */
export interface Standing {
  readonly name: string
  readonly rounds: readonly RoundCost[]
}

/** Measures all contenders by turns, so that a change of the machine's mood hits each alike. */
export async function runRounds(
  contenders: readonly Contender[],
  rounds: number,
): Promise<readonly Standing[]> {
  const results = contenders.map(({ server }) => ({ name: server.name, rounds: [] as RoundCost[] }))
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, { server, load }] of contenders.entries()) {
      results[index]?.rounds.push(await measureRound(server, load))
    }
  }
  return results
}

/** The least CPU time per request: what the work costs when nothing disturbs it. */
export function leastCost(standing: Standing): number {
  return Math.min(...standing.rounds.map((round) => round.microsecondsPerRequest))
}

function medianCost(standing: Standing): number {
  const sorted = standing.rounds.map((round) => round.microsecondsPerRequest).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Prints one table; ratios are against the named standing. */
export function printTable(title: string, standings: readonly Standing[], against: string): void {
  const base = standings.find(({ name }) => name === against)
  console.log(`\n${title}`)
  console.log(
    `${'server'.padEnd(34)}${'CPU µs/request'.padStart(16)}${'median'.padStart(10)}` +
      `${'best req/s'.padStart(12)}${`ratio to ${against}`.padStart(28)}`,
  )
  for (const standing of standings) {
    const ratio = base === undefined ? Number.NaN : leastCost(standing) / leastCost(base)
    const median = base === undefined ? Number.NaN : medianCost(standing) / medianCost(base)
    const best = Math.max(...standing.rounds.map((round) => round.requestsPerSecond))
    console.log(
      standing.name.padEnd(34) +
        leastCost(standing).toFixed(1).padStart(16) +
        medianCost(standing).toFixed(1).padStart(10) +
        best.toFixed(0).padStart(12) +
        `${ratio.toFixed(2)} (median ${median.toFixed(2)})`.padStart(28),
    )
  }
}
