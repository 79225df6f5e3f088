import { createTransport, type Transport } from '../../transport/index.ts'
import {
  type ChaosAnswer,
  type ChaosReply,
  type ChaosRequest,
  type ChaosServer,
  startChaosServer,
} from './chaos-server.ts'

/** What is asked of a channel, by what it is for. */
export type Asked = 'poll' | 'metadata' | 'offer' | 'bundle' | 'object'

/** Changes an honest answer on its way; undefined lets it pass. */
export type Distortion = (honest: ChaosAnswer, request: ChaosRequest) => ChaosReply | undefined

/** Stands between a tuner and an honest transmitter, and lies as it is told. */
export interface HostileTransmitter extends AsyncDisposable {
  /** The channel's URL here. */
  readonly channel: string
  readonly server: ChaosServer
  /** Lies about these; all else passes. */
  distort(kinds: readonly Asked[], distortion: Distortion): void
  behave(): void
  /** Answers for another channel of the same transmitter, or for this one again. */
  redirect(path: string | undefined): void
  /** Keeps what was answered so far and answers with that again; undefined ends it. */
  replay(answers: ReadonlyMap<string, ChaosAnswer> | undefined): void
  /** What was answered honestly, by path. */
  readonly seen: ReadonlyMap<string, ChaosAnswer>
  stop(): Promise<void>
}

/**
 * @param channel URL of the honest channel
 * @param options.hasBundles false hides bundles: waiting for one to be made takes a test's time
 */
export async function startHostileTransmitter(
  channel: string,
  options: { readonly hasBundles: boolean },
): Promise<HostileTransmitter> {
  const honest = new URL(channel)
  const upstream = createTransport({ userAgent: 'longwave-test' })
  const seen = new Map<string, ChaosAnswer>()
  let kinds: readonly Asked[] = []
  let distortion: Distortion | undefined
  let path = honest.pathname
  let replayed: ReadonlyMap<string, ChaosAnswer> | undefined
  const server = await startChaosServer(async (request) => {
    const target = path + request.target.slice(honest.pathname.length)
    const asked = askedOf(request.target)
    const isHidden = asked === 'offer' && !options.hasBundles
    const known = isHidden ? absent : replayed?.get(request.target)
    const answer = known ?? (await fetchHonest(upstream, `${honest.origin}${target}`))
    seen.set(request.target, answer)
    if (distortion === undefined || !kinds.includes(asked)) return answer
    return distortion(answer, request) ?? answer
  })
  const stop = async (): Promise<void> => {
    await server.stop()
    await upstream.stop()
  }
  return {
    channel: `${server.url}${honest.pathname}`,
    server,
    seen,
    distort(which, how) {
      kinds = which
      distortion = how
    },
    behave() {
      distortion = undefined
    },
    redirect(to) {
      path = to ?? honest.pathname
    },
    replay(answers) {
      replayed = answers
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function fetchHonest(transport: Transport, url: string): Promise<ChaosAnswer> {
  const answer = await transport.fetchBytes(url, {
    bytesMax: 64 * 1024 * 1024,
    acceptStatus: [202, 204, 304, 400, 403, 404, 405, 409, 410],
  })
  const headers: Record<string, string> = {}
  for (const name of ['content-type', 'etag', 'date', 'retry-after'] as const) {
    const value = answer.headers[name]
    if (typeof value === 'string') headers[name] = value
  }
  return { kind: 'answer', status: answer.status, headers, body: answer.bytes }
}

/** What a server says that has nothing at a path. */
export const absent: ChaosAnswer = { kind: 'answer', status: 404, body: '' }

function askedOf(target: string): Asked {
  if (target.endsWith('/trust/timestamp.json')) return 'poll'
  if (target.includes('/trust/')) return 'metadata'
  if (target.includes('/objects/')) return 'object'
  return /\/deltas\/\d+\.\.\d+\//.test(target) ? 'bundle' : 'offer'
}
