import { dictionaryError } from './errors.ts'

export function refuseFrame(detail: string): never {
  throw dictionaryError('LW_DELTA_DICTIONARY', { detail: `${detail}.` })
}
