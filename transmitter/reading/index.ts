export * from './content.ts'
export * from './reading-routes.ts'
