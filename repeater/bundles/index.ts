export * from './bundle-cache.ts'
export * from './bundle-routes.ts'
