export * from './publish-access.ts'
