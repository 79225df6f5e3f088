/** What the proxy counts; metrics and status read it. */
export interface ProxyMeasures {
  updates: number
  updatesFailed: number
  updatesWaiting: number
  updateBytesWaiting: number
  polls: number
  /** Polls that went upstream, for however many askers. */
  pollsUpstream: number
  objectHits: number
  /** Askers that joined a download under way. */
  objectJoins: number
  objectMisses: number
  /** Content bytes that crossed from upstream, and those of them that were only handed through. */
  contentBytesUpstream: number
  contentBytesRelayed: number
  fills: number
  fillsFailed: number
  fillsResumed: number
  proofs: number
  refusals: number
  relayed: number
  evictions: number
  damaged: number
  cacheErrors: number
  bundlesMade: number
  askersWaiting: number
  upstreamConnections: number
  upstreamConnectionsOpened: number
  upstreamErrors: number
}

export function createMeasures(): ProxyMeasures {
  return {
    updates: 0,
    updatesFailed: 0,
    updatesWaiting: 0,
    updateBytesWaiting: 0,
    polls: 0,
    pollsUpstream: 0,
    objectHits: 0,
    objectJoins: 0,
    objectMisses: 0,
    contentBytesUpstream: 0,
    contentBytesRelayed: 0,
    fills: 0,
    fillsFailed: 0,
    fillsResumed: 0,
    proofs: 0,
    refusals: 0,
    relayed: 0,
    evictions: 0,
    damaged: 0,
    cacheErrors: 0,
    bundlesMade: 0,
    askersWaiting: 0,
    upstreamConnections: 0,
    upstreamConnectionsOpened: 0,
    upstreamErrors: 0,
  }
}
