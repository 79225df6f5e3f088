export * from './drp-routes.ts'
