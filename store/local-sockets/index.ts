export * from './local-socket.ts'
