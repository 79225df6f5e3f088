export * from './feedback-queue.ts'
