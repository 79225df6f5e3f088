export * from './subscription.ts'
export * from './subscription-store.ts'
