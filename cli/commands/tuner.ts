import type { Command } from 'commander'
import { ExitCode, isLongwaveError } from '../../protocol/index.ts'
import { createLogger } from '../../serving/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { type BandwidthFlags, bandwidthOption, openTuner, updateObject } from '../tuner-session.ts'

/** `longwave tuner start` */
export function declare(command: Command, run: Runner): void {
  command.addHelpText(
    'after',
    `
Examples:
  longwave tuner start
  longwave status                                  how subscriptions stand meanwhile`,
  )
  command
    .command('start')
    .description('keep subscribed channels current by their schedules, until SIGTERM or SIGINT')
    .option(...bandwidthOption)
    .addHelpText(
      'after',
      `
Examples:
  longwave tuner start
  longwave tuner start --json
  LONGWAVE_BANDWIDTH=500K longwave tuner start

Exit codes: 0 stopped, 11 another tuner runs in this home.`,
    )
    .action(run(start))
}

async function start(session: Session, flags: BandwidthFlags): Promise<number> {
  const tuner = await openTuner(session, flags)
  const logger = createLogger({ name: 'tuner', ...(session.output.quiet ? { level: 'warn' } : {}) })
  await tuner.run({
    signal: session.signal,
    onStarted() {
      session.output.emit({ type: 'started', home: session.home })
      logger.info({ home: session.home }, 'the tuner runs')
    },
    onEvent(event) {
      if (event.type === 'result') {
        const { result } = event
        session.output.emit(updateObject(result))
        const level = result.outcome === 'updated' || result.outcome === 'healed' ? 'info' : 'debug'
        logger[level](
          { channel: result.subscription.name, from: result.from, to: result.to },
          result.outcome,
        )
      } else if (event.type === 'damaged') {
        session.output.emit({ type: 'error', channel: event.id, code: codeOf(event.error) })
        logger.error({ channel: event.id, err: event.error }, 'a subscription cannot be read')
      } else if (event.type === 'warning') {
        session.output.emit({
          type: 'warning',
          channel: event.subscription.name,
          text: event.text,
        })
        logger.warn({ channel: event.subscription.name }, event.text)
      } else {
        session.output.emit({
          type: 'error',
          channel: event.subscription.name,
          code: codeOf(event.error),
        })
        logger.warn({ channel: event.subscription.name, err: event.error }, 'an update failed')
      }
    },
  })
  return ExitCode.ok
}

function codeOf(error: unknown): string {
  return isLongwaveError(error) ? error.code : 'LW_INTERNAL'
}
