export * from './read-tokens.ts'
export * from './subscription.ts'
export * from './subscription-store.ts'
