const dayMs = 24 * 60 * 60 * 1000

/** Limits of trust; those of single documents that every reader shares are in protocol/limits.ts. */
export const limits = {
  /** Keys of one root, and members of one role. */
  keysMax: 64,
  /** Signatures of one file: the keys of an old and of a new root. */
  signaturesMax: 128,
  /** Roots that one commit may add. */
  commitRootsMax: 64,
  /** Publisher-made bundles that one targets file names. */
  bundlesMax: 256,
  /** Seconds over which a rollout may stretch: a year. */
  rolloutSecondsMax: 366 * 24 * 60 * 60,
  /** Bytes of one encoded trust state. */
  stateBytesMax: 2 * 1024 * 1024,
  /** Bytes of one private key file. */
  keyFileBytesMax: 16 * 1024,
  /** Bytes of one exported key bundle, and its keys. */
  keyBundleBytesMax: 512 * 1024,
  keyBundleKeysMax: 64,
  passphraseBytesMax: 1024,
  /** Random bytes that make a channel's first root unique. */
  nonceBytesMin: 16,
  nonceBytesMax: 64,
  /** Characters of a ticket and of a request signature. */
  ticketCharactersMax: 256,
  requestSignatureCharactersMax: 256,
} as const

/** How long signed files count when nothing else is asked for, in milliseconds. */
export const lifetimesMs = {
  root: 3653 * dayMs,
  targets: 731 * dayMs,
  /** Snapshot and timestamp of a transmitter, which signs them again every day. */
  online: 7 * dayMs,
  /** Snapshot and timestamp of the static form, which a person refreshes. */
  staticOnline: 30 * dayMs,
  /** From this long before their end, root and targets are warned of. */
  warning: 90 * dayMs,
  /** How far this machine's clock may be beyond a fresh timestamp's end, or behind its issue. */
  clockSlack: dayMs,
} as const
