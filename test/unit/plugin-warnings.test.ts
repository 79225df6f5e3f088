import { PassThrough } from 'node:stream'
import t from 'tap'
import { createLogger } from '../../serving/index.ts'
import { pluginLimits as limits } from '../../transmitter/plugins/limits.ts'
import { RareWarnings } from '../../transmitter/plugins/rare-warnings.ts'

t.test(
  'S68: ten thousand failures are one line, and the next window tells their count',
  async (t) => {
    const destination = new PassThrough()
    const lines: Record<string, unknown>[] = []
    destination.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().trim().split('\n')) lines.push(JSON.parse(line))
    })
    const clock = { ms: 1_000_000, now: () => clock.ms }
    const logger = createLogger({ name: 'test', destination, human: false })
    const warnings = new RareWarnings(logger, clock)
    const err = new Error('down')
    for (let at = 0; at < 10_000; at++) warnings.warn('no plug-in', { channel: 'news', err })
    warnings.warn('no plug-in', { channel: 'weather', err })
    warnings.warn('something else', { channel: 'news', err })
    t.equal(lines.length, 3, 'each channel and kind by itself')
    clock.ms += limits.warningWindowMs
    warnings.warn('no plug-in', { channel: 'news', err })
    t.match(lines.at(-1), { channel: 'news', before: 9_999 })
    // A clock that is set back silences nobody.
    clock.ms -= 10 * limits.warningWindowMs
    warnings.warn('no plug-in', { channel: 'news', err })
    t.equal(lines.length, 5)
  },
)
