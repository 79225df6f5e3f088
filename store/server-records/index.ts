export * from './open-server-records.ts'
export * from './server-records.ts'
