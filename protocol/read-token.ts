/** Whether a text can be a token of a transmitter: one word of printable ASCII. */
export function isReadToken(text: unknown): text is string {
  return typeof text === 'string' && /^[\x21-\x7e]{1,1024}$/.test(text)
}
