export {
  type ApplyBundleOptions,
  applyBundle,
  type ExpectedRelease,
} from './bundle/apply-bundle.ts'
export type { BuiltFile, Staging } from './bundle/build-file.ts'
export type { BundleInput } from './bundle/bundle-file.ts'
export { bundleFormat } from './bundle/container.ts'
export { type BundleContents, inspectBundle, type InspectedFile } from './bundle/inspect-bundle.ts'
export { type MadeBundleFile, type MakeBundleOptions, makeBundle } from './bundle/make-bundle.ts'
export type { Effort, MakeNotes } from './bundle/make-streams.ts'
export { expectationOf } from './bundle/prove-bundle.ts'
export {
  type AppliedDirectoryDelta,
  applyDirectoryDelta,
  verifyDirectoryDelta,
} from './directory/apply-directory-delta.ts'
export { directoryDeltaFormat } from './directory/delta-file.ts'
export { type MadeDirectoryDelta, makeDirectoryDelta } from './directory/make-directory-delta.ts'
export { deltaError } from './errors.ts'
export { deltaLimits } from './limits.ts'
export { fileStaging } from './objects/file-staging.ts'
export {
  fileObjectSource,
  memoryObjectSource,
  type ObjectReader,
  type ObjectSource,
} from './objects/object-source.ts'
