export * from './back-channel.ts'
export * from './channel-access.ts'
