import path from 'node:path'
import { isLongwaveError } from '../../protocol/index.ts'
import { type FileSystem, isErrno, readFileIfPresent } from '../../store/durable-files/index.ts'
import { publishError } from '../errors.ts'
import { publisherLimits } from '../limits.ts'

export interface TokenOptions {
  /** The token that was given explicitly. */
  readonly token?: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly home: string
  /** Whether the transmitter is this machine: then its own file may hold the token. */
  readonly local: boolean
  readonly fileSystem: FileSystem
}

/** A token and where it came from, in words that follow "the token of". */
export interface FoundToken {
  readonly token: string
  readonly origin: string
}

/**
 * Finds the publish token: given, `LONGWAVE_TOKEN`, or the file of a loopback transmitter with the
 * same home. A token only opens the door; what is published must be signed all the same.
 * @throws LW_PUBLISH_TOKEN_MISSING
 */
export async function findPublishToken(options: TokenOptions): Promise<FoundToken> {
  const named = options.environment['LONGWAVE_TOKEN']
  const given = options.token ?? named
  if (given !== undefined && given.trim() !== '') {
    // The command line's option has the variable for its twin.
    const origin = given === named ? 'LONGWAVE_TOKEN' : '--token'
    return { token: checked(given.trim()), origin }
  }
  const file = path.join(options.home, 'transmitter', 'publish-token')
  if (options.local) {
    const bytes = await readToken(options.fileSystem, file)
    if (bytes !== undefined) return { token: checked(bytes.toString('utf8').trim()), origin: file }
  }
  throw publishError('LW_PUBLISH_TOKEN_MISSING', {
    detail: options.local ? `There is none in ${file}.` : 'The transmitter is another machine.',
    untouched: 'Nothing was sent.',
    next: 'Give it with --token or LONGWAVE_TOKEN; the transmitter made one in its home, transmitter/publish-token.',
  })
}

async function readToken(fs: FileSystem, file: string): Promise<Buffer | undefined> {
  try {
    return await readFileIfPresent(fs, file, { bytesMax: publisherLimits.tokenBytesMax })
  } catch (cause) {
    if (!isErrno(cause, 'EACCES')) throw cause
    throw publishError('LW_PUBLISH_TOKEN_MISSING', {
      detail: `${file} cannot be read by this user.`,
      cause,
      untouched: 'Nothing was sent.',
    })
  }
}

/**
 * Puts to a refusal which token was shown, never the token itself: the one that a variable or an old
 * file holds is easily forgotten. Other errors come back as they are.
 */
export function tokenRefusal(error: unknown, { origin }: FoundToken): unknown {
  if (!isLongwaveError(error)) return error
  const isRefused =
    error.code === 'LW_TRANSMIT_TOKEN' ||
    (error.code === 'LW_TRANSFER_DENIED' && error.members['httpStatus'] === 401)
  if (!isRefused) return error
  return error.withDetails({
    detail: `${error.detail ?? ''} The token of ${origin} was refused.`.trimStart(),
    untouched: 'Nothing was published.',
    next: 'Give one that the transmitter knows with --token; its keeper makes one with: longwave transmitter token add',
  })
}

function checked(token: string): string {
  // It becomes a header field: what could end the line is never sent.
  if (/^[\x21-\x7e]{1,4096}$/.test(token)) return token
  throw publishError('LW_PUBLISH_TOKEN_MISSING', {
    detail: 'The token has characters that no token has.',
    untouched: 'Nothing was sent.',
  })
}
