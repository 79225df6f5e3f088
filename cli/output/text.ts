/** Bytes for people: 1,536 becomes 1.5 KB. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

/** A duration in milliseconds for people. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

/** What a part is of a whole, as a percentage with the digits that it needs. */
export function shareText(part: number, whole: number): string {
  if (whole === 0) return '0 %'
  const percent = (part / whole) * 100
  return `${percent < 1 ? percent.toFixed(2) : percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`
}

/** Counts with their noun: 1 file, 2 files, 3 entries. */
export function countText(count: number, noun: string): string {
  const many = /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`
  return `${numberText(count)} ${count === 1 ? noun : many}`
}

/** A whole number with its thousands apart: 1,234. (Loading a locale for that takes 40 ms.) */
export function numberText(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ',')
}

/** What changed between two releases, in a few words. */
export function changesText(changes: {
  readonly added: number
  readonly changed: number
  readonly removed: number
}): string {
  const { added, changed, removed } = changes
  return `${numberText(added)} added, ${numberText(changed)} changed, ${numberText(removed)} removed`
}

/** Rows as columns, one line each; the first row is the head. Widths follow the contents. */
export function tableLines(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length)
    }
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
