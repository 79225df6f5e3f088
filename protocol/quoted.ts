import { limits } from './limits.ts'

/** A value from outside as errors show it: as JSON, cut where it would fill the page. */
export function quoted(value: unknown): string {
  if (typeof value === 'string' && value.length > limits.quotedCharactersMax) {
    return `${JSON.stringify(value.slice(0, limits.quotedCharactersMax))}…`
  }
  return typeof value === 'object' && value !== null ? typeof value : `${JSON.stringify(value)}`
}
