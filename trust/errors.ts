import { ExitCode, errorArea } from '../protocol/index.ts'

/**
 * Every refusal of trust has a code of its own. 13 says that bytes were refused as false and a
 * person should look; 75 says that waiting, or setting a clock, can mend it.
 */
export const trustError = errorArea('trust', {
  LW_TRUST_SIGNATURE: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The signed metadata is not signed by the keys that must sign it.',
  },
  LW_TRUST_ROLLBACK: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The metadata is older than what was verified before.',
  },
  // 75, not 13: an expired timestamp is what an outage looks like, and nothing false was accepted.
  LW_TRUST_FROZEN: {
    status: 503,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The channel is stale: its newest signed timestamp has expired.',
  },
  LW_TRUST_CLOCK_WRONG: {
    status: 503,
    exit: ExitCode.temporary,
    retryable: true,
    says: "This machine's clock and the channel's fresh timestamp are more than a day apart.",
  },
  LW_TRUST_MIX_AND_MATCH: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The metadata files do not belong together.',
  },
  LW_TRUST_ENDLESS_DATA: {
    status: 413,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The source sends more than the metadata may hold.',
  },
  LW_TRUST_WRONG_CHANNEL: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The metadata belongs to another channel.',
  },
  LW_TRUST_CHANNEL_REPLACED: {
    status: 409,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'Another channel has taken the place of the one that was trusted under this name.',
  },
  LW_TRUST_RELEASE_CHANGED: {
    status: 409,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'A release number that was verified before now stands for other contents.',
  },
  LW_TRUST_EXPIRED_ROOT: {
    status: 503,
    exit: ExitCode.integrity,
    retryable: false,
    says: "The channel's newest root has expired.",
  },
  LW_TRUST_EXPIRED_TARGETS: {
    status: 503,
    exit: ExitCode.integrity,
    retryable: false,
    says: "The publisher's signature on the channel's newest release has expired.",
  },
  // 75: an unsigned absence proves nothing and changes nothing.
  LW_TRUST_METADATA_MISSING: {
    status: 404,
    exit: ExitCode.temporary,
    retryable: true,
    says: 'The source does not have a metadata file that it must have.',
  },
  LW_TRUST_FIRST_USE: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'There is no fingerprint to trust this channel by.',
  },
  LW_TRUST_STATE_DAMAGED: {
    status: 500,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The stored trust of the channel is damaged.',
  },
  LW_TRUST_KEYS_MISSING: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The private keys that must sign are not here.',
  },
  LW_TRUST_KEYS_EXPOSED: {
    status: 500,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'A private key can be read by others on this machine.',
  },
  LW_TRUST_KEY_UNUSABLE: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The key cannot be used.',
  },
  LW_TRUST_PASSPHRASE: {
    status: 400,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The private key is encrypted, and the passphrase is missing or wrong.',
  },
  // 75: somebody else published in between; planning again on the newest state mends it.
  LW_TRUST_COMMIT_ORDER: {
    status: 409,
    exit: ExitCode.temporary,
    retryable: true,
    says: "The commit does not follow the channel's present state.",
  },
  LW_TRUST_ONLINE_KEY: {
    status: 409,
    exit: ExitCode.integrity,
    retryable: false,
    says: "The channel's root does not name the online key that must sign its timestamps.",
  },
  LW_TRUST_TICKET: {
    status: 403,
    exit: ExitCode.accessDenied,
    retryable: false,
    says: 'The ticket does not open this channel.',
  },
  LW_TRUST_TICKET_EXPIRED: {
    status: 401,
    exit: ExitCode.accessDenied,
    retryable: true,
    says: 'The ticket has run out.',
  },
  LW_TRUST_REQUEST_SIGNATURE: {
    status: 401,
    exit: ExitCode.integrity,
    retryable: false,
    says: 'The request is not signed by the tuner that it names.',
  },
})
