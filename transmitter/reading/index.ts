export * from './catalogue.ts'
export * from './object-routes.ts'
export * from './reading-routes.ts'
