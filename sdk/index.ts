export type { ChannelEvent } from './channel-events.ts'
export * from './connect-channel.ts'
export * from './errors.ts'
