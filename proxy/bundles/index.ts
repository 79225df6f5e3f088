export * from './bundle-maker.ts'
export * from './known-releases.ts'
