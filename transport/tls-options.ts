import { createHash, X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { transferError } from './errors.ts'
import { transportLimits as limits } from './limits.ts'

/** Whom to trust beyond the public authorities. */
export interface TlsTrust {
  /** More certificate authorities, PEM. They are added to the public ones. */
  readonly authorities?: readonly string[]
  /** Trust only `authorities`, not the public ones. */
  readonly onlyAuthorities?: boolean
  /**
   * SHA-256 of the server's SubjectPublicKeyInfo, base64 (RFC 7469 §2.4). One of them must match,
   * after the certificate was verified as usual.
   */
  readonly pins?: readonly string[]
}

/** The connector options of every TLS connection: verification cannot be switched off. */
export interface TlsConnectOptions {
  readonly minVersion: 'TLSv1.2'
  readonly rejectUnauthorized: true
  readonly maxCachedSessions: 0
  readonly ca?: string[]
  readonly checkServerIdentity?: (
    hostname: string,
    certificate: tls.PeerCertificate,
  ) => Error | undefined
}

/** @throws LW_TRANSFER_TLS when an authority or a pin cannot be read */
export function tlsConnectOptions(trust: TlsTrust = {}): TlsConnectOptions {
  const authorities = (trust.authorities ?? []).map(checkAuthority)
  const pins = (trust.pins ?? []).map(checkPin)
  if (authorities.length > limits.extraAuthoritiesMax || pins.length > limits.pinsMax) {
    throw transferError('LW_TRANSFER_TLS', { detail: 'Too many authorities or pins.' })
  }
  const publicOnes = trust.onlyAuthorities === true ? [] : tls.rootCertificates
  return {
    minVersion: 'TLSv1.2',
    // Said aloud, because the environment can switch the default off.
    rejectUnauthorized: true,
    // A resumed session skips the check of name and pin, and a TLS 1.2 session is handed out
    // before that check has run: so sessions are not kept.
    maxCachedSessions: 0,
    ...(authorities.length === 0 && trust.onlyAuthorities !== true
      ? {}
      : { ca: [...publicOnes, ...authorities] }),
    ...(pins.length === 0 ? {} : { checkServerIdentity: pinnedIdentity(pins) }),
  }
}

function pinnedIdentity(pins: readonly string[]) {
  return (hostname: string, certificate: tls.PeerCertificate): Error | undefined => {
    const wrongName = tls.checkServerIdentity(hostname, certificate)
    if (wrongName !== undefined) return wrongName
    const spki = new X509Certificate(certificate.raw).publicKey.export({
      type: 'spki',
      format: 'der',
    })
    if (pins.includes(createHash('sha256').update(spki).digest('base64'))) return undefined
    return transferError('LW_TRANSFER_TLS', {
      detail: `The key of ${JSON.stringify(hostname)} is not the pinned one.`,
    })
  }
}

function checkAuthority(pem: string): string {
  try {
    return new X509Certificate(pem).toString()
  } catch (cause) {
    throw transferError('LW_TRANSFER_TLS', {
      detail: 'A certificate authority is not a certificate in PEM form.',
      cause,
    })
  }
}

function checkPin(pin: string): string {
  const raw = Buffer.from(pin, 'base64')
  if (raw.length === 32 && raw.toString('base64') === pin) return pin
  throw transferError('LW_TRANSFER_TLS', { detail: 'A pin is not 32 bytes in base64.' })
}
