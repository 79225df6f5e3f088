import { PerformanceObserver } from 'node:perf_hooks'
import v8 from 'node:v8'

/** Both halves of the space that young objects live in. */
const bytesMax = 8 << 20

/**
 * Keeps the space of young objects small for the rest of the process. The engine lets it grow to
 * 32 MiB, and buffers that requests are done with are freed only when it is full: a server that
 * passes on a large file would hold tens of megabytes of them. Growing stops at 8 MiB, which costs
 * no measurable time; the documented limit (`--max-semi-space-size`) can only be given when a
 * process starts.
 */
export function boundYoungSpace(): void {
  // Nothing may grow while modules are loaded in one go, before the observer is heard.
  setGrowth(false)
  new PerformanceObserver(() => {
    setGrowth(youngBytes() < bytesMax)
  }).observe({ entryTypes: ['gc'] })
}

function setGrowth(isOpen: boolean): void {
  v8.setFlagsFromString(`--semi-space-growth-factor=${isOpen ? 2 : 1}`)
}

function youngBytes(): number {
  const space = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')
  return space?.space_size ?? bytesMax
}
