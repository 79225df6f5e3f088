export * from './connections.ts'
export * from './header-fields.ts'
export * from './upstream.ts'
