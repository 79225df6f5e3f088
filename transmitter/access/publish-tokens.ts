import { randomUUID } from 'node:crypto'
import { digestOf, isChannelName } from '../../protocol/index.ts'
import { nodeRandomness } from '../../store/durable-files/index.ts'
import type { ServerRecords, TokenRecord } from '../../store/server-records/index.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'

/** What a token is good for. */
export type TokenScope = 'publish' | 'repeater' | 'read'

/** A token as its administrator sees it: never the token itself. */
export interface PublishToken {
  readonly id: string
  readonly scope: TokenScope
  /** A channel's name, a prefix followed by `*`, or `*` for all. */
  readonly channels: string
  readonly note?: string
  readonly createdAtMs: number
  readonly expiresAtMs?: number
}

/** The one moment at which the token itself is known. */
export interface CreatedPublishToken extends PublishToken {
  readonly token: string
}

export interface NewPublishToken {
  /** What it opens: publishing, what only repeaters see, or reading; publishing when absent. */
  readonly scope?: TokenScope
  readonly channels: string
  readonly note?: string
  readonly expiresAtMs?: number
}

/** 256 bits, with a prefix by which leaked ones can be found. */
export function newToken(): string {
  return `lwp_${Buffer.from(nodeRandomness.bytes(32)).toString('base64url')}`
}

/**
 * Makes a token and keeps its hash; the token itself is told once.
 * @throws LW_TRANSMIT_TOKEN_UNFIT
 */
export async function addPublishToken(
  records: ServerRecords,
  wanted: NewPublishToken,
  nowMs: number,
): Promise<CreatedPublishToken> {
  requireFit(wanted, nowMs)
  const token = newToken()
  const record: TokenRecord = {
    id: randomUUID(),
    hash: digestOf(token),
    scope: wanted.scope ?? 'publish',
    channels: wanted.channels,
    createdAtMs: nowMs,
    ...(wanted.expiresAtMs === undefined ? {} : { expiresAtMs: wanted.expiresAtMs }),
    ...(wanted.note === undefined ? {} : { note: wanted.note }),
  }
  await records.tokens.create(record)
  return { ...withoutHash(record), token }
}

/** Every token for publishing or reading, oldest first; expired ones too. */
export async function allPublishTokens(records: ServerRecords): Promise<readonly PublishToken[]> {
  const tokens = await records.tokens.list()
  return tokens.filter(({ scope }) => scope === 'publish' || scope === 'read').map(withoutHash)
}

function withoutHash({ hash: _hash, scope, ...token }: TokenRecord): PublishToken {
  return { ...token, scope: scope as TokenScope }
}

function requireFit({ channels, note, expiresAtMs }: NewPublishToken, nowMs: number): void {
  const prefix = channels.endsWith('*') ? channels.slice(0, -1) : undefined
  const isFit =
    prefix === undefined ? isChannelName(channels) : prefix === '' || isChannelName(prefix)
  if (!isFit) {
    throw transmitterError('LW_TRANSMIT_TOKEN_UNFIT', {
      detail: 'Its channels are a name, a prefix followed by *, or * for all.',
    })
  }
  if (note !== undefined && note.length > limits.tokenNoteCharactersMax) {
    throw transmitterError('LW_TRANSMIT_TOKEN_UNFIT', {
      detail: `Its note has more than ${limits.tokenNoteCharactersMax} characters.`,
    })
  }
  if (expiresAtMs !== undefined && !(expiresAtMs > nowMs)) {
    throw transmitterError('LW_TRANSMIT_TOKEN_UNFIT', { detail: 'It would have expired already.' })
  }
}
