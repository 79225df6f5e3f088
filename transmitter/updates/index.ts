export * from './back-channel.ts'
