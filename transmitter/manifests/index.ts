export * from './manifest-memory.ts'
