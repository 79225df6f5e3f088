import { limits, type Static, Type } from '../../protocol/index.ts'

/** An entry of feedback on its way to a plug-in. */
export interface FeedbackMessage {
  readonly epoch: string
  readonly sequence: number
  readonly at: string
  readonly received: string
  readonly type: string
  /** Base64. */
  readonly data: string
}

/** One call of a plug-in. */
export interface CallMessage {
  readonly tuner: string
  readonly release: number
  readonly head: number
  readonly zoneMinutes: number
  readonly isRedelivery: boolean
  readonly feedback: readonly FeedbackMessage[]
}

/** What a process is started with. */
export interface StartMessage {
  readonly module: string
  readonly directory: string
  readonly channel: { readonly name: string; readonly id: string }
  readonly settings: Readonly<Record<string, string>>
}

/** What the transmitter tells a plug-in's process. */
export type ToPlugin =
  | { readonly kind: 'start'; readonly start: StartMessage }
  | { readonly kind: 'call'; readonly id: number; readonly call: CallMessage }
  | { readonly kind: 'abandon'; readonly id: number }
  | { readonly kind: 'ping'; readonly id: number }
  | { readonly kind: 'stop' }

const base64 = (bytes: number) => Type.String({ maxLength: Math.ceil(bytes / 3) * 4 + 4 })

/** What a plug-in answers to a call; everything in it is checked again where it is used. */
export const PluginReturn = Type.Object({
  reply: Type.Optional(
    Type.Union([
      Type.Object({
        type: Type.String({ pattern: '^[ -~]{1,128}$' }),
        data: base64(limits.replyBytesMax),
      }),
      Type.Null(),
    ]),
  ),
  files: Type.Optional(
    Type.Array(
      Type.Object({
        path: Type.String({ maxLength: limits.pathBytesMax }),
        mime: Type.String({ maxLength: 128 }),
        data: base64(limits.overlayFileBytesMax),
      }),
      { maxItems: limits.overlayFilesMax },
    ),
  ),
})
export type PluginReturn = Static<typeof PluginReturn>

/** What a plug-in's process tells. It runs code of others: nothing of it is believed unchecked. */
export const FromPlugin = Type.Union([
  Type.Object({ kind: Type.Literal('ready') }),
  Type.Object({ kind: Type.Literal('failed'), text: Type.String({ maxLength: 4000 }) }),
  Type.Object({ kind: Type.Literal('pong'), id: Type.Integer() }),
  Type.Object({ kind: Type.Literal('returned'), id: Type.Integer(), value: PluginReturn }),
  Type.Object({
    kind: Type.Literal('threw'),
    id: Type.Integer(),
    text: Type.String({ maxLength: 4000 }),
  }),
])
export type FromPlugin = Static<typeof FromPlugin>
