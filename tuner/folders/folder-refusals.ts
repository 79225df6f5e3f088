import os from 'node:os'
import path from 'node:path'

/** Where people's homes lie; a service's own home may have any neighbours. */
const homesOf = new Set(['/home', '/Users', 'C:\\Users'])

/**
 * Says why a folder may not be synchronized: what the mirror would wipe or what would be nested.
 * @param directory real path of the folder
 */
export function whyNotFolder(
  directory: string,
  others: { readonly home: string; readonly folders: readonly string[] },
): string | undefined {
  if (path.dirname(directory) === directory) return 'is the root of a file system'
  if (directory === os.homedir() || homesOf.has(path.dirname(directory))) return 'is a home folder'
  if (isInside(os.homedir(), directory)) return 'contains a home folder'
  if (isInside(directory, others.home) || isInside(others.home, directory)) {
    return "lies in Longwave's home, or contains it"
  }
  for (const other of others.folders) {
    if (other === directory) return 'is synchronized by another subscription already'
    if (isInside(directory, other) || isInside(other, directory)) {
      return `is nested with the synchronized folder ${other}`
    }
  }
  return undefined
}

/** Whether `inner` is `outer` or lies below it. */
function isInside(inner: string, outer: string): boolean {
  const relative = path.relative(outer, inner)
  return relative === '' || (!relative.startsWith('..') && !path.isAbsolute(relative))
}
