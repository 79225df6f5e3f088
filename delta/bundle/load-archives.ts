/** Most bundles have no archives, and loading what rebuilds them takes as long as applying one. */
export function loadArchives(): Promise<typeof import('../archives/index.ts')> {
  return import('../archives/index.ts')
}
