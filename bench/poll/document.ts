import type { PollDocument } from '../../serving/index.ts'

/** Where the bench's poll lies. */
export const pollPath = '/demo/trust/timestamp.json'

/** As long as a real timestamp document. */
export const pollDocument: PollDocument = {
  bytes: Buffer.from(JSON.stringify({ signed: { _type: 'timestamp' }, pad: 'x'.repeat(560) })),
  etag: `"${'a'.repeat(64)}"`,
  mime: 'application/json',
  cacheControl: 'max-age=0, s-maxage=5',
}
