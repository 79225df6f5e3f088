export * from './live-users.ts'
