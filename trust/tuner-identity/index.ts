export * from './tuner-identity.ts'
