export * from './fetch-overlay.ts'
export * from './overlay-store.ts'
export * from './verify-overlay.ts'
