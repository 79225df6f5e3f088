import { createHash } from 'node:crypto'

/** Text that is markup already. */
export interface Markup {
  readonly markup: string
}

/**
 * Builds markup; every value is escaped unless it is markup itself, so that a channel's title can
 * say anything and do nothing (S67).
 */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Markup {
  let markup = parts[0] ?? ''
  for (const [index, value] of values.entries()) {
    markup += render(value) + (parts[index + 1] ?? '')
  }
  return { markup }
}

export type HtmlValue = string | number | undefined | Markup | readonly Markup[]

function render(value: HtmlValue): string {
  if (value === undefined) return ''
  if (typeof value === 'string') return escapeHtml(value)
  if (typeof value === 'number') return String(value)
  if ('markup' in value) return value.markup
  return value.map((item) => item.markup).join('')
}

function escapeHtml(text: string): string {
  const names: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, (character) => names[character] ?? '')
}

/** Source expression of a Content-Security-Policy for an inline style sheet. */
export function styleHash(style: string): string {
  return `'sha256-${createHash('sha256').update(style).digest('base64')}'`
}
