export * from './openapi-routes.ts'
