export * from './limits.ts'
export * from './scheduler.ts'
