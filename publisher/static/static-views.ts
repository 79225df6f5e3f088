import { encodeDrpIndex } from '../../protocol/drp/index.ts'
import {
  type Digest,
  fingerprint,
  isLongwaveError,
  type Manifest,
  type SubscriptionDocument,
  subscribeLink,
  subscriptionFormat,
} from '../../protocol/index.ts'
import type { StaticSite } from './static-site.ts'

export interface StaticViews {
  readonly manifest: Manifest
  readonly channelId: Digest
  readonly rootVersion: number
  /** The channel's URL once it is served, when it is known. */
  readonly url: string | undefined
}

/** Writes what people and other clients read: page, subscription document, DRP index. */
export async function writeViews(site: StaticSite, views: StaticViews): Promise<readonly string[]> {
  const warnings: string[] = []
  await site.writeView('subscription', JSON.stringify(subscriptionOf(views)))
  await site.writeView('index.html', pageOf(views))
  try {
    await site.writeView('index', await encodeDrpIndex(views.manifest, { ids: 'sha256' }))
  } catch (error) {
    if (!isLongwaveError(error)) throw error
    warnings.push(`There is no DRP index: ${error.message}`)
  }
  return warnings
}

function subscriptionOf({
  manifest,
  channelId,
  rootVersion,
  url,
}: StaticViews): SubscriptionDocument {
  const { title, description, category, schedule } = manifest
  return {
    format: subscriptionFormat,
    // Relative to the document itself where the address is not known.
    url: url ?? '.',
    name: manifest.name,
    channel: channelId,
    rootVersion,
    kind: manifest.kind,
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(category === undefined ? {} : { category }),
    ...(schedule === undefined ? {} : { schedule }),
  }
}

function pageOf({ manifest, channelId, rootVersion, url }: StaticViews): string {
  const title = escapeText(manifest.title ?? manifest.name)
  const link =
    url === undefined ? undefined : escapeText(subscribeLink(url, channelId, rootVersion))
  const command =
    link === undefined
      ? `longwave subscribe 'URL-OF-THIS-PAGE#${channelId}'`
      : `longwave subscribe '${link}'`
  const description =
    manifest.description === undefined ? '' : `<p>${escapeText(manifest.description)}</p>\n`
  const label = manifest.label === undefined ? '' : ` (${escapeText(manifest.label)})`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
</head>
<body>
<main>
<h1>${title}</h1>
${description}<p>Release ${manifest.release}${label}, published ${manifest.published}.</p>
${link === undefined ? '' : `<p><a href="${link}">Subscribe</a></p>\n`}<pre><code>${command}</code></pre>
<p>Fingerprint: <code>${fingerprint(channelId)}</code></p>
</main>
</body>
</html>
`
}

function escapeText(text: string): string {
  const escapes: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, (character) => escapes[character] ?? character)
}
