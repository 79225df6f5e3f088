export * from './commit-upload.ts'
export * from './load-manifest.ts'
export * from './publishing-routes.ts'
export * from './signature-route.ts'
