import type { OurResult } from './ours.ts'
import { type PeerName, type PeerResult, peerNames } from './peers.ts'
import type { Step } from './steps.ts'
import type { WholeUpdate } from './whole-update.ts'

export interface StepResult {
  readonly step: Step
  readonly wholeBytes: number
  readonly files: number
  readonly peers: Readonly<Record<PeerName, PeerResult>> | undefined
  readonly hdiffpatch: number | undefined
  readonly ours: OurResult | undefined
  /** The same update through a transmitter and a tuner; undefined when it was not asked for. */
  readonly update: WholeUpdate | undefined
}

/** Geometric means over the channels of the known steps that were set as aims. */
const targets: Readonly<Record<PeerName, string>> = {
  'rsync -z': '<= 0.08',
  bsdiff: '<= 0.35',
  'zstd-19': '<= 0.42',
  xdelta3: '',
}

/** One step: bytes of everybody, then speeds. */
export function printStep(result: StepResult): void {
  const { step, wholeBytes, files, peers, hdiffpatch, ours, update } = result
  console.log(`${step.name}: ${files} files built, ${count(wholeBytes)} bytes`)
  const rivals = peerNames.map((name) => [name, peers?.[name].bytes] as const)
  for (const [name, bytes] of [...rivals, ['HDiffPatch', hdiffpatch] as const]) {
    if (bytes !== undefined) console.log(`  ${name.padEnd(12)}${count(bytes)}`)
    else if (peers !== undefined) console.log(`  ${name.padEnd(12)}${'not at hand'.padStart(13)}`)
  }
  if (ours === undefined) {
    console.log('  ours        failed')
    return
  }
  const best = Math.min(
    ...[...rivals.map(([, bytes]) => bytes), hdiffpatch].map((b) => b ?? Infinity),
  )
  const over = ours.bytes > Math.max(best * 1.05, best + 200) ? '  MORE THAN A PEER' : ''
  const share = Number.isFinite(best)
    ? `  ${(ours.bytes / best).toFixed(3)} of the smallest peer`
    : ''
  console.log(`  ours        ${count(ours.bytes)}${share}${over}`)
  console.log(`              of which framing ${ours.framingBytes}`)
  if (update !== undefined) {
    const { bodyBytes, metadataBytes, wireBytes, route } = update
    const parts = `metadata ${metadataBytes.toLocaleString('en-US')}, route ${route}`
    const wire = `on the wire with headers ${wireBytes.toLocaleString('en-US')}`
    console.log(`  all bodies  ${count(bodyBytes)}  (${parts}; ${wire})`)
  }
  const speed = (ms: number): string => `${(wholeBytes / 1000 / ms).toFixed(1)} MB/s`
  const { bsdiff } = peers ?? {}
  const makes = bsdiff?.makeMs === undefined ? '' : `, bsdiff ${speed(bsdiff.makeMs)}`
  const applies = bsdiff?.applyMs === undefined ? '' : `, bspatch ${speed(bsdiff.applyMs)}`
  const peak = bsdiff?.peakMiB === undefined ? '' : `, bsdiff ${bsdiff.peakMiB.toFixed(0)} MiB`
  console.log(
    `  making      ${speed(ours.makeMs)}${makes}; ${ours.makePeakMiB.toFixed(0)} MiB${peak}`,
  )
  const applyPeak =
    bsdiff?.applyPeakMiB === undefined ? '' : `, bspatch ${bsdiff.applyPeakMiB.toFixed(0)} MiB`
  console.log(
    `  applying    ${speed(ours.applyMs)}${applies}; ${ours.applyPeakMiB.toFixed(0)} MiB${applyPeak}`,
  )
  const { makeCpuMs: makePeer = 0, applyCpuMs: applyPeer = 0 } = bsdiff ?? {}
  const peerCpu = makePeer > 0 ? `, bsdiff ${speed(makePeer)} and bspatch ${speed(applyPeer)}` : ''
  console.log(
    `  by processor time: making ${speed(ours.makeCpuMs)}, applying ${speed(ours.applyCpuMs)}${peerCpu}`,
  )
}

/** Geometric means over the steps of each channel, then over the channels. */
export function printMeans(results: readonly StepResult[]): void {
  const line = (
    name: string,
    target: string,
    ratio: (result: StepResult) => number | undefined,
  ): void => {
    const channels = new Map<string, number[]>()
    for (const result of results) {
      const value = ratio(result)
      if (value === undefined || !(value > 0) || !Number.isFinite(value)) continue
      const list = channels.get(result.step.channel) ?? []
      channels.set(result.step.channel, [...list, value])
    }
    if (channels.size === 0) return
    const means = [...channels].map(([channel, list]) => [channel, geometricMean(list)] as const)
    const total = geometricMean(means.map(([, mean]) => mean))
    const each = means.map(([channel, mean]) => `${channel} ${mean.toFixed(3)}`).join(', ')
    const wanted = target === '' ? '' : `, wanted ${target}`
    console.log(
      `${name.padEnd(28)}${total.toFixed(3)}${wanted}  (${means.length} channels: ${each})`,
    )
  }
  console.log('\ngeometric means, ours to')
  for (const name of peerNames) {
    line(`bytes of ${name}`, targets[name], ({ ours, peers }) =>
      quotient(ours?.bytes, peers?.[name].bytes),
    )
  }
  line('bytes of HDiffPatch', '<= 0.47', ({ ours, hdiffpatch }) =>
    quotient(ours?.bytes, hdiffpatch),
  )
  line('speed of bsdiff', '>= 2.5', ({ ours, peers }) =>
    quotient(peers?.bsdiff.makeMs, ours?.makeMs),
  )
  line('  by processor time', '', ({ ours, peers }) =>
    quotient(peers?.bsdiff.makeCpuMs, ours?.makeCpuMs),
  )
  line('speed of bspatch', '', ({ ours, peers }) => quotient(peers?.bsdiff.applyMs, ours?.applyMs))
  line('MB/s of applying', '>= 100', ({ ours, wholeBytes }) =>
    quotient(wholeBytes / 1000, ours?.applyMs),
  )
  line('  by processor time', '', ({ ours, wholeBytes }) =>
    quotient(wholeBytes / 1000, ours?.applyCpuMs),
  )
}

function quotient(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a / b
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

function count(bytes: number): string {
  return bytes.toLocaleString('en-US').padStart(13)
}
