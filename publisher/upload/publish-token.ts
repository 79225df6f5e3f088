import path from 'node:path'
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

/**
 * Finds the publish token: given, `LONGWAVE_TOKEN`, or the file of a loopback transmitter with the
 * same home. A token only opens the door; what is published must be signed all the same.
 * @throws LW_PUBLISH_TOKEN_MISSING
 */
export async function findPublishToken(options: TokenOptions): Promise<string> {
  const given = options.token ?? options.environment['LONGWAVE_TOKEN']
  if (given !== undefined && given.trim() !== '') return checked(given.trim())
  const file = path.join(options.home, 'transmitter', 'publish-token')
  if (options.local) {
    const bytes = await readToken(options.fileSystem, file)
    if (bytes !== undefined) return checked(bytes.toString('utf8').trim())
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

function checked(token: string): string {
  // It becomes a header field: what could end the line is never sent.
  if (/^[\x21-\x7e]{1,4096}$/.test(token)) return token
  throw publishError('LW_PUBLISH_TOKEN_MISSING', {
    detail: 'The token has characters that no token has.',
    untouched: 'Nothing was sent.',
  })
}
