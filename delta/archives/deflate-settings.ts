/**
 * Which deflate made a stream; they differ in table sizes, in the hash that finds matches, and in
 * when a block ends:
 * - `zlib`: zlib as published (Java, Python, most tools), which is pako 2.1.0;
 * - `gzip`: GNU gzip and Info-ZIP's zip: 32,768 symbols a block with the 15-bit hash, and blocks
 *   that shrink well may end early;
 * - `chromium`: the zlib fork in Chromium and Node.js: a multiplicative hash of four bytes.
 */
export const deflateVariants = ['zlib', 'gzip', 'chromium'] as const
export type DeflateVariant = (typeof deflateVariants)[number]

/** Everything that decides the bytes which a deflate of the same content has. */
export interface DeflateSettings {
  readonly variant: DeflateVariant
  /** 0 to 9; 0 only with the zlib variant. */
  readonly level: number
  /** 1 to 9; always 9 with the gzip variant. */
  readonly memLevel: number
  /** zlib's numbers (0 default, 1 filtered, 2 Huffman, 3 runs, 4 fixed); 0 with other variants. */
  readonly strategy: number
  /** 9 to 15; 15 with other variants. */
  readonly windowBits: number
}

export const settingsBytes = 3

/** Three bytes of a recipe. */
export function encodeSettings(settings: DeflateSettings): Uint8Array {
  return Uint8Array.of(
    (deflateVariants.indexOf(settings.variant) << 4) | settings.level,
    (settings.strategy << 4) | settings.memLevel,
    settings.windowBits,
  )
}

/** The settings of three bytes, or undefined when they name none. */
export function parseSettings(bytes: Uint8Array): DeflateSettings | undefined {
  const [first = 0, second = 0, windowBits = 0] = bytes
  const variant = deflateVariants[first >> 4]
  const level = first & 15
  const memLevel = second & 15
  const strategy = second >> 4
  if (variant === undefined || level > 9 || memLevel < 1 || memLevel > 9) return undefined
  if (strategy > 4 || windowBits < 9 || windowBits > 15) return undefined
  if (variant !== 'zlib' && (level === 0 || strategy !== 0 || windowBits !== 15)) return undefined
  if (variant === 'gzip' && memLevel !== 9) return undefined
  return { variant, level, memLevel, strategy, windowBits }
}

/** Settings with the usual values where nothing else is said. */
export function settingsOf(
  variant: DeflateVariant,
  level: number,
  memLevel = variant === 'gzip' ? 9 : 8,
): DeflateSettings {
  return { variant, level, memLevel, strategy: 0, windowBits: 15 }
}
