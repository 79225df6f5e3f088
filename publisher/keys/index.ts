export * from './change-keys.ts'
export * from './channel-keys.ts'
