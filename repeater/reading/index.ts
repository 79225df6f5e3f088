export * from './object-routes.ts'
export * from './reading-routes.ts'
export * from './served-channels.ts'
