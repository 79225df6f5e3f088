export * from './publish-static.ts'
