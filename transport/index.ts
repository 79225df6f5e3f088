export * from './bandwidth.ts'
export * from './clock.ts'
export * from './content-range.ts'
export * from './errors.ts'
export * from './limits.ts'
export { cleanText } from './problem-answer.ts'
export * from './proxy-environment.ts'
export * from './requests.ts'
export type { RetryPolicy } from './retries.ts'
export * from './retry-after.ts'
export type {
  ResumePoint,
  SinkReport,
  TransferProgress,
  TransferSink,
} from './sink-download.ts'
export type { AnswerHeaders } from './answer.ts'
export type { TlsTrust } from './tls-options.ts'
export * from './transport.ts'
