import { html, type Markup, styleHash } from './markup.ts'

const style = `
:root{color-scheme:light dark;--ink:#16202c;--soft:#5a6776;--line:#d8dee6;--paper:#fff;--tint:#f4f6f9;--accent:#0b63c5}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf3;--soft:#9aa7b6;--line:#2c3642;--paper:#12181f;--tint:#1a222c;--accent:#6db3ff}}
*{box-sizing:border-box}body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
main,header,footer{max-width:60rem;margin:0 auto;padding:1rem 1.25rem}header{padding-top:2rem}h1{font-size:1.6rem;margin:0}
p{margin:.4rem 0}.soft{color:var(--soft)}a{color:var(--accent)}ul.channels{list-style:none;padding:0;margin:0}
ul.channels>li{border-top:1px solid var(--line);padding:1rem 0}h2{font-size:1.15rem;margin:0}
.subscribe{display:inline-block;margin-top:.5rem;padding:.35rem .8rem;border:1px solid var(--accent);border-radius:.4rem;text-decoration:none;font-weight:600}
code{font:.9rem ui-monospace,monospace;background:var(--tint);border:1px solid var(--line);border-radius:.3rem;padding:.15rem .35rem;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:1rem 0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
`

/** Headers of every page: nothing but the page's own style sheet is allowed. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src ${styleHash(style)}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
}

/** A complete page. */
export function page(options: {
  readonly title: string
  readonly lead?: Markup | undefined
  readonly body: Markup
}): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${options.title}</title><style>${{ markup: style }}</style></head>
<body><header><h1>${options.title}</h1>${options.lead}</header>
<main>${options.body}</main>
<footer class="soft"><p>Served by Longwave.</p></footer></body></html>
`.markup
}
