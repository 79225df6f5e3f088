export * from './absorb-outbox.ts'
export * from './feedback-queue.ts'
