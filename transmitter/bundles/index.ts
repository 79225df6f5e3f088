export { makingFolder } from './bundle-maker.ts'
export * from './bundle-routes.ts'
export * from './bundle-service.ts'
export * from './useful-bundles.ts'
