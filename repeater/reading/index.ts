export * from './reading-routes.ts'
