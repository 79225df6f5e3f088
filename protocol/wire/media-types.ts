/** Media types of our documents. */
export const mediaTypes = {
  subscription: 'application/vnd.longwave.subscription+json',
  manifest: 'application/vnd.longwave.manifest+json',
  bundle: 'application/vnd.longwave.bundle',
  pack: 'application/vnd.longwave.objects',
  problem: 'application/problem+json',
  json: 'application/json',
  octets: 'application/octet-stream',
  gdiff: 'application/gdiff',
} as const
