export * from './online-keys.ts'
