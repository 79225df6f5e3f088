export * from './local-time.ts'
export * from './next-run.ts'
