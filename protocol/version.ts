import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

function readVersion(): string {
  // From dist/transmitter the package lies two folders up, from the sources one.
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const found = require(place) as { readonly name?: string; readonly version?: string }
      if (found.name === 'longwave' && found.version !== undefined) return found.version
    } catch {
      // The other place has it.
    }
  }
  return '0.0.0'
}

/** The version of this package. */
export const version = readVersion()
