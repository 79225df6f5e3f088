export * from './plugins.ts'
