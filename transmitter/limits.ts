/** Limits of the transmitter (docs/limits.md). */
export const transmitterLimits = {
  /** Body of one `objects` request. */
  uploadRequestBytesMax: 64 * 1024 * 1024,
  /** Parts of one `objects` request. */
  uploadPartsMax: 4096,
  /** How long an upload may rest before its leases end. */
  uploadLifetimeMs: 24 * 3600_000,
  /** Release object lists are leased in groups of this size. */
  leaseGroup: 5000,
  /** Bytes of one signature document. */
  signatureBytesMax: 64 * 1024 * 1024,
  /** How often other processes' changes are looked for. */
  catalogueRefreshMs: 1000,
  /** Snapshot and timestamp live this long and are renewed daily. */
  onlineLifetimeMs: 7 * 86_400_000,
  renewAfterMs: 86_400_000,
  /** Releases up to this size are offered as one bundle to those who hold nothing. */
  firstBundleBytesMax: 64 * 1024 * 1024,
  /** Releases up to this size get bundles between them. */
  bundleReleaseBytesMax: 1024 * 1024 * 1024,
  bundleQueueMax: 64,
  /** A making that was begun longer ago counts as given up. */
  bundleMakingStaleMs: 15 * 60_000,
  /** Releases whose holders are counted, per channel. */
  heldReleasesTracked: 16,
  /** Releases that stay retained besides the head. */
  retainedReleases: 50,
} as const
