export * from './errors.ts'
export type { HistoryEntry } from './history/index.ts'
export * from './open-tuner.ts'
export type {
  LaunchPlan,
  SubscribeOptions,
  SubscriptionView,
  UndoResult,
  UpdateOptions,
  UpdateResult,
  VerifyOptions,
  VerifyResult,
} from './operations/index.ts'
export { passedOverText } from './operations/index.ts'
export type { SchedulerEvent } from './scheduler/index.ts'
export { parseIndexAddress } from './indexes/index.ts'
export type {
  DamagedSubscription,
  Subscription,
  SubscriptionStatus,
} from './subscriptions/index.ts'
export * from './tuner.ts'
export * from './tuner-operations.ts'
