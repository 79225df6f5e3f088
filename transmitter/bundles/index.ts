export * from './bundle-routes.ts'
export * from './bundle-service.ts'
