/** Limits of an origin towards its repeaters (docs/limits.md). */
export const repeaterOriginLimits = {
  /** A repeater that was not heard of for so long is down: nobody is sent there. */
  seenMs: 75_000,
  /** How often the records are told that a repeater was heard of. */
  seenWriteMs: 20_000,
  /** Repeaters that were not heard of for so long are forgotten. */
  forgetMs: 30 * 24 * 3600_000,
  /** How long what the records say of repeaters counts; other processes may have changed it. */
  memoryMs: 1000,
  /** Polls that are held at the same time. */
  pollsHeldMax: 10_000,
  reportBytesMax: 32 * 1024 * 1024,

  /** How long the switch waits for listed repeaters unless the publisher says otherwise. */
  waitSecondsDefault: 10,
  /** How long the publisher's answer waits for those that were ready to have switched. */
  switchWaitMs: 3_000,
  /** A preparation outlives its wait by this much, should the commit take so long. */
  preparationSlackMs: 60_000,
  /** How often another process's repeaters are looked for while waiting. */
  waitLookMs: 250,
  /** Old and new bytes together up to which a bundle is made for repeaters beforehand. */
  preparedBundleBytesMax: 256 * 1024 * 1024,
  /** How long an offer waits for that bundle. */
  preparedOfferMs: 20_000,
  /** Preparations whose files are held ready. */
  preparationsKept: 64,

  /** Tuners whose repeater is noted, per channel. */
  assignedTunersMax: 5_000_000,
} as const
