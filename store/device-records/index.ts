export * from './device-records.ts'
export * from './open-device-records.ts'
