import {
  addPublishToken,
  allPublishTokens,
  type CreatedPublishToken,
  type NewPublishToken,
  type PublishToken,
} from '../access/index.ts'
import { openStore, type StoreOptions } from './open-store.ts'

/**
 * Makes a token for publishing, or with the scope `read` one for reading closed channels; running transmitters take it at once. The answer is the only place
 * where the token itself appears.
 * @throws LW_TRANSMIT_TOKEN_UNFIT, LW_TRANSMIT_NO_DATA
 */
export async function createPublishToken(
  options: StoreOptions & NewPublishToken,
): Promise<CreatedPublishToken> {
  await using store = await openStore(options)
  const { channels, note, expiresAtMs, scope = 'publish' } = options
  const wanted = {
    scope,
    channels,
    ...(note === undefined ? {} : { note }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
  }
  return await addPublishToken(store.records, wanted, store.clock.now())
}

/**
 * Makes a token for a repeater: it tells of changes at once, opens prepared releases and closed
 * channels for reading, and publishes nothing.
 * @throws LW_TRANSMIT_TOKEN_UNFIT, LW_TRANSMIT_NO_DATA
 */
export async function createRepeaterToken(
  options: StoreOptions & Omit<NewPublishToken, 'scope'>,
): Promise<CreatedPublishToken> {
  await using store = await openStore(options)
  const { channels, note } = options
  const wanted = { scope: 'repeater', channels, ...(note === undefined ? {} : { note }) } as const
  return await addPublishToken(store.records, wanted, store.clock.now())
}

/** Every token for publishing and reading, oldest first. @throws LW_TRANSMIT_NO_DATA */
export async function listPublishTokens(options: StoreOptions): Promise<readonly PublishToken[]> {
  await using store = await openStore(options)
  return await allPublishTokens(store.records)
}

/** Ends a token; returns whether there was one of that id. @throws LW_TRANSMIT_NO_DATA */
export async function revokePublishToken(
  options: StoreOptions & { readonly id: string },
): Promise<boolean> {
  await using store = await openStore(options)
  return await store.records.tokens.delete(options.id)
}
