import type { PublishSummary, StaticSummary, TunerRoutes } from '../publisher/index.ts'
import { changesText, countText, durationText, shareText, sizeText } from './output/index.ts'

/** What a publish did, for people. */
export function publishedLines(summary: PublishSummary): readonly string[] {
  const { outcome, url, release } = summary
  if (outcome === 'nothing-new') return [`Nothing new: ${url} stays at release ${release}.`]
  const verb = outcome === 'dry-run' ? 'Would publish' : 'Published'
  const label = summary.label === undefined ? '' : ` (${summary.label})`
  return [
    `${verb} ${url} release ${release}${label}`,
    ...costLines(summary),
    `  Manifest   ${summary.manifestId}`,
    `  Subscribe  ${summary.link}`,
    ...(summary.fingerprint === undefined ? [] : [`  Key        ${summary.fingerprint}`]),
    ...keyLines(summary.keysCreated),
    ...summary.repeaters.map(({ url, state }) => `  Repeater   ${url} ${state}`),
    ...summary.next.map((next) => `  Next       ${next}`),
  ]
}

/** What was published, what travelled, and what tuners will receive. */
export function costLines(summary: PublishSummary): readonly string[] {
  const { changes, routes } = summary
  const verb = summary.outcome === 'dry-run' ? 'Would send' : 'Sent      '
  const deltas = summary.deltas === 0 ? '' : `, ${summary.deltas} as differences`
  const sent = `${countText(summary.sentObjects, 'object')} in ${sizeText(summary.sentBytes)}`
  return [
    `  Files      ${countText(summary.files, 'file')}, ${sizeText(summary.bytes)}; ${changesText(changes)}`,
    `  Reused     ${countText(summary.reusedObjects, 'object')}, ${sizeText(summary.reusedBytes)} (${shareText(summary.reusedBytes, summary.bytes)})`,
    `  ${verb} ${sent}${deltas}, ${durationText(summary.durationMs)}`,
    ...(routes === undefined ? [] : [`  Tuners     ${routesText(routes)}`]),
  ]
}

function routesText(routes: TunerRoutes): string {
  const { from, bundle, bundleBytes, chainBytes, wholeBytes } = routes
  const whole = wholeBytes === undefined ? 'whole files' : `whole files, ${sizeText(wholeBytes)}`
  if (bundle === 'making') {
    return `at release ${from}: a bundle is being made; until it is ready they receive ${whole}`
  }
  const instead = wholeBytes === undefined ? '' : ` instead of ${whole}`
  if (bundleBytes !== undefined) {
    return `at release ${from} receive a bundle, ${sizeText(bundleBytes)},${instead}`
  }
  if (chainBytes !== undefined) {
    return `at release ${from} receive a chain of bundles, ${sizeText(chainBytes)},${instead}`
  }
  return `at release ${from} receive ${whole}; no bundle is offered`
}

/** Where the keys lie that a first publish made; what to do with them comes under `Next`. */
function keyLines(keys: PublishSummary['keysCreated']): readonly string[] {
  if (keys === undefined) return []
  return [
    `  Keys at    publisher ${keys.publisher.path}`,
    `             recovery  ${keys.recovery.path}`,
  ]
}

/** What a publish of the static form did, for people. */
export function staticLines(summary: StaticSummary): readonly string[] {
  const { name, release, outcome } = summary
  if (outcome === 'nothing-new') return [`Nothing new: ${name} stays at release ${release}.`]
  const label = summary.label === undefined ? '' : ` (${summary.label})`
  return [
    outcome === 'dry-run'
      ? `Would publish ${name} release ${release}${label} in ${summary.directory}`
      : `${name} release ${release}${label} is ${outcome} in ${summary.directory}`,
    ...(outcome === 'refreshed'
      ? []
      : [
          `  Files      ${countText(summary.files ?? 0, 'file')}, ${sizeText(summary.bytes)}`,
          `  Written    ${countText(summary.writtenObjects, 'object')}, ${sizeText(summary.writtenBytes)}`,
        ]),
    ...(summary.pruned === undefined || summary.pruned.files === 0
      ? []
      : [
          `  Removed    ${countText(summary.pruned.files, 'file')} of old releases, ${sizeText(summary.pruned.bytes)}`,
        ]),
    ...summary.bundles.map(
      (bundle) => `  Bundle     from release ${bundle.from}: ${sizeText(bundle.bytes)}`,
    ),
    `  Manifest   ${summary.manifestId}`,
    ...(summary.link === undefined ? [] : [`  Subscribe  ${summary.link}`]),
    ...(summary.channelId === undefined ? [] : [`  Channel id ${summary.channelId}`]),
    ...(summary.fingerprint === undefined ? [] : [`  Key        ${summary.fingerprint}`]),
    ...keyLines(summary.keysCreated),
    ...(outcome === 'dry-run'
      ? []
      : [
          `  Fresh till ${summary.timestampExpires}; sign anew before that with --refresh, at best by cron`,
        ]),
    ...summary.next.map((next) => `  Next       ${next}`),
  ]
}
