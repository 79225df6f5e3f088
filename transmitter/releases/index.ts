export * from './commit-hooks.ts'
export * from './commit-upload.ts'
export * from './publishing-routes.ts'
export * from './signature-route.ts'
