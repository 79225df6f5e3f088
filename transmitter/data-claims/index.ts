export * from './data-claims.ts'
