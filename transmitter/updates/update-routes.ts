import type { FastifyRequest } from 'fastify'
import {
  type Digest,
  isDigest,
  limits as formatLimits,
  parseChannelName,
  updateError,
} from '../../protocol/index.ts'
import type { ChannelView } from '../../serving/channels/index.ts'
import { verifyTicket } from '../../trust/index.ts'
import { requireToken } from '../access/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { AnswerMemory } from './answer-memory.ts'
import { answerUpdate, type UpdateServices } from './answer-update.ts'
import { ChannelHeads } from './channel-heads.ts'
import { LargeRequests } from './large-requests.ts'
import { readRequest } from './read-request.ts'

interface KeptAnswer {
  /** Undefined is "nothing to say". */
  readonly text: string | undefined
  readonly bytes: number
}

const privateReply = 'private, no-store'

/** `POST /NAME/update` and the files of overlays. */
export function addUpdateRoutes(
  context: TransmitterContext,
  services: Omit<UpdateServices, 'context' | 'heads'>,
): void {
  const heads = new ChannelHeads(context.records)
  const memory = new AnswerMemory<KeptAnswer>(context.clock)
  const large = new LargeRequests()
  // The body is taken as it is: its bytes are what is signed.
  void context.server.app.register(async (app) => {
    app.removeAllContentTypeParsers()
    app.addHook('onRequest', async (request, reply) => {
      if (request.method !== 'POST') return
      reply.raw.once('close', large.admit(announcedBytes(request)))
    })
    app.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: formatLimits.updateRequestBytesMax },
      (_request, body, done) => done(null, body),
    )
    app.post<{ readonly Params: { readonly name: string } }>(
      '/:name/update',
      { bodyLimit: formatLimits.updateRequestBytesMax },
      async (request, reply) => {
        const view = requireChannel(context, request.params.name)
        await requireToken(context.access, view.record, request.headers.authorization)
        const answer = await large.run(view.record.name, bodyBytesOf(request), () =>
          answerOnce(request, view),
        )
        void reply.header('cache-control', privateReply)
        if (answer.text === undefined) return reply.code(204).send()
        return reply.type('application/json').send(answer.text)
      },
    )
  })
  addOverlayRoute(context)

  async function answerOnce(request: FastifyRequest, view: ChannelView): Promise<KeptAnswer> {
    const signed = await readRequest(request)
    if (signed.body.channel !== view.record.channelId) throw updateError('LW_UPDATE_CHANNEL')
    const key = `${signed.body.channel}.${signed.tuner}.${signed.body.request}`
    return memory.answer(key, {
      digest: signed.digest,
      make: async () => {
        const head = await heads.head(view.record)
        const { attributes } = view
        const made = await answerUpdate(
          { context, heads, ...services },
          { request: signed, head, attributes },
        )
        const text = made === undefined ? undefined : JSON.stringify(made)
        return { text, bytes: (text?.length ?? 0) + 256 }
      },
    })
  }
}

function bodyBytesOf({ body, headers }: FastifyRequest): number {
  const bytes = Buffer.isBuffer(body) ? body.byteLength : 0
  // What is compressed may be many times as large.
  return headers['content-encoding'] === undefined ? bytes : bytes * compressionGuess
}

/** Text shrinks to about this part of itself. */
const compressionGuess = 8

/** Bytes that a request says its body has; the most that it may have when it does not say. */
function announcedBytes({ headers }: FastifyRequest): number {
  const announced = Number(headers['content-length'] ?? Number.NaN)
  const most = formatLimits.updateRequestBytesMax
  return announced >= 0 && announced <= most ? announced : most
}

interface OverlayRequest {
  readonly Params: { readonly name: string; readonly tuner: string; readonly digest: string }
}

/** `GET /NAME/overlays/TUNER/SHA256`: for the tuner alone, who shows the ticket of its answer. */
function addOverlayRoute(context: TransmitterContext): void {
  context.server.app.get<OverlayRequest>(
    '/:name/overlays/:tuner/:digest',
    async (request, reply) => {
      const { tuner, digest } = request.params
      const view = requireChannel(context, parseChannelName(request.params.name))
      const ticket = /^Bearer (lwt1\.[\w-]+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
      const key = await context.keys.key(view.record.name, 'ticket')
      const { tunerId } = verifyTicket(ticket, {
        publicKey: key,
        channelId: view.record.channelId,
        nowMs: context.clock.now(),
      })
      const found =
        tunerId === tuner && isDigest(digest)
          ? await context.records.overlays.file(view.record.name, tunerId, digest as Digest)
          : undefined
      if (found === undefined) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
      return reply
        .type('application/octet-stream')
        .header('cache-control', privateReply)
        .send(Buffer.from(found))
    },
  )
}

function requireChannel(context: TransmitterContext, name: string): ChannelView {
  const view = context.catalogue.find(name)
  if (view === undefined) throw transmitterError('LW_TRANSMIT_NO_CHANNEL')
  return view
}
