export * from './errors.ts'
export * from './failure.ts'
