import { cliError } from '../failure/index.ts'

/** Gathers an option that may be given several times. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}

/** A whole number in a range. @throws LW_CLI_USAGE */
export function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw cliError('LW_CLI_USAGE', {
      detail: `${option} takes a whole number from ${min} to ${max}, not ${JSON.stringify(text)}.`,
    })
  }
  return value
}

const unitBytes: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9 }

/**
 * Bytes per second such as 500K or 2.5M, in thousands as all sizes are shown. Less than 1K is refused:
 * even the smallest documents would run into their time limits.
 * @throws LW_CLI_USAGE
 */
export function bytesPerSecond(option: string, text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)([KMG]?)$/.exec(text.toUpperCase())
  const bytes = Number(match?.[1]) * (unitBytes[match?.[2] ?? ''] ?? 1)
  if (match !== null && bytes >= 1000) return bytes
  throw cliError('LW_CLI_USAGE', {
    detail: `${option} takes bytes per second such as 500K or 2.5M, at least 1K, not ${JSON.stringify(text)}.`,
  })
}

const unitSeconds: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
}

/** A duration such as 90s, 30m, 12h, 2d, 1w, in seconds. @throws LW_CLI_USAGE */
export function durationSeconds(option: string, text: string): number {
  const match = /^(\d{1,6})([smhdw])?$/.exec(text)
  const unit = unitSeconds[match?.[2] ?? 's']
  if (match === null || unit === undefined) {
    throw cliError('LW_CLI_USAGE', {
      detail: `${option} takes a duration such as 90s, 30m, 12h or 2d, not ${JSON.stringify(text)}.`,
    })
  }
  return Number(match[1]) * unit
}
