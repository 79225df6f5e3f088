import { type ChannelName, type Digest, isChannelName } from '../protocol/index.ts'
import type { OriginBase, Origins } from './origins.ts'

/** What of a channel is asked for. */
export type Wanted =
  | { readonly kind: 'update' }
  | { readonly kind: 'poll' }
  | { readonly kind: 'trust'; readonly role: string; readonly version: number }
  | { readonly kind: 'object'; readonly digest: Digest; readonly form: 'plain' | 'br' }
  | { readonly kind: 'bundle'; readonly digest: Digest; readonly form: 'plain' }
  | { readonly kind: 'offer'; readonly from: number; readonly to: number }
  /** Anything else that tuners read; it is handed through and never kept. */
  | { readonly kind: 'document' }

/** A request below `/-/via/`, understood. */
export interface ProxyTarget {
  readonly base: OriginBase
  readonly name: ChannelName
  /** Behind the channel's name, e.g. `trust/timestamp.json`. */
  readonly rest: string
  /** Path at the origin. */
  readonly path: string
  readonly wanted: Wanted
}

export type TargetOutcome =
  | { readonly kind: 'target'; readonly target: ProxyTarget }
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'unknown' }

const prefix = '/-/via/'
const form =
  /^\/-\/via\/([A-Za-z0-9%._~:[\]-]{1,6144})\/([a-z0-9][a-z0-9._-]{0,63})\/([^?#]{1,2048})$/

/** Whether a request's path is one for an origin. */
export function isViaPath(path: string): boolean {
  return path.startsWith(prefix)
}

/** Reads a request path. Its origin must be a listed one; what is asked for, something known. */
export function parseTarget(path: string, origins: Origins): TargetOutcome {
  const match = form.exec(path)
  const [, encoded = '', name = '', rest = ''] = match ?? []
  if (match === null || !isChannelName(name)) return { kind: 'unknown' }
  const base = origins.admit(encoded)
  if (base === undefined) return { kind: 'elsewhere' }
  const wanted = parseWanted(rest)
  if (wanted === undefined) return { kind: 'unknown' }
  const target = { base, name, rest, path: `${base.path}/${name}/${rest}`, wanted }
  return { kind: 'target', target }
}

const object = /^objects\/([0-9a-f]{64})(\.br)?$/
const bundle = /^deltas\/(?:0|[1-9]\d{0,8})\.\.[1-9]\d{0,8}\/([0-9a-f]{64})$/
const offer = /^deltas\/(0|[1-9]\d{0,8})\.\.([1-9]\d{0,8})$/
const trust = /^trust\/([1-9]\d{0,8})\.(root|targets|snapshot)\.json$/
const document =
  /^(?:subscription|trust\/(?:root|targets|snapshot)\.json|overlays(?:\/[0-9a-f]{64}){1,2})$/

function parseWanted(rest: string): Wanted | undefined {
  if (rest === 'trust/timestamp.json') return { kind: 'poll' }
  if (rest === 'update') return { kind: 'update' }
  const ofObject = object.exec(rest)
  if (ofObject !== null) {
    const digest = ofObject[1] as Digest
    return { kind: 'object', digest, form: ofObject[2] === undefined ? 'plain' : 'br' }
  }
  const ofBundle = bundle.exec(rest)
  if (ofBundle !== null) return { kind: 'bundle', digest: ofBundle[1] as Digest, form: 'plain' }
  const ofOffer = offer.exec(rest)
  if (ofOffer !== null) return { kind: 'offer', from: Number(ofOffer[1]), to: Number(ofOffer[2]) }
  const ofTrust = trust.exec(rest)
  if (ofTrust !== null) {
    return { kind: 'trust', version: Number(ofTrust[1]), role: ofTrust[2] ?? '' }
  }
  return document.test(rest) ? { kind: 'document' } : undefined
}
