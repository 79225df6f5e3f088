import type { UpdateAnswer } from '../../protocol/index.ts'
import type { MetadataSource, TrustClient, TrustOutcome } from '../../trust/index.ts'

/**
 * Verifies the metadata of an answer like any other: by the client workflow over the files that it
 * brought. Without any it is what a 304 is to a poll, and renews nothing.
 * @returns undefined when a poll must bring the rest
 * @throws LW_TRUST_…
 */
export async function acceptMetadata(
  client: TrustClient,
  answer: UpdateAnswer | undefined,
  dateMs: number | undefined,
): Promise<TrustOutcome | undefined> {
  const files = new Map(Object.entries(answer?.trust ?? {}))
  if (files.size === 0) return client.confirm('not-modified', dateMs)
  const held = client.state?.timestamp
  const source: MetadataSource = {
    fetch: (file) => {
      const text = files.get(file)
      if (text !== undefined) return Promise.resolve(Buffer.from(text))
      // It was left out because it is held.
      return Promise.resolve(file === 'timestamp.json' ? held : undefined)
    },
    dateMs: () => dateMs,
  }
  return client.refresh(source)
}
