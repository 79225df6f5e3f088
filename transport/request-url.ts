import { transferError } from './errors.ts'
import { transportLimits as limits } from './limits.ts'

/** An absolute http(s) URL without credentials and fragment. @throws LW_TRANSFER_URL */
export function parseRequestUrl(text: string | URL): URL {
  const refuse = (why: string) =>
    transferError('LW_TRANSFER_URL', { detail: `${JSON.stringify(String(text))} ${why}.` })
  const tooLong = String(text).length > limits.urlCharactersMax
  if (tooLong) throw transferError('LW_TRANSFER_URL', { detail: 'It is too long.' })
  if (!URL.canParse(String(text))) throw refuse('is not absolute')
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refuse('is neither http nor https')
  }
  if (url.username !== '' || url.password !== '') {
    throw transferError('LW_TRANSFER_URL', { detail: 'It carries credentials.' })
  }
  url.hash = ''
  return url
}
