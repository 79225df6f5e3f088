import { html, type Markup, styleHash } from './markup.ts'

const style = `
:root{color-scheme:light dark;--ink:#16202c;--soft:#55616f;--line:#d8dee6;--paper:#fff;--tint:#f3f5f8;--accent:#0a58b3;--on:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf3;--soft:#a3afbd;--line:#2c3642;--paper:#12181f;--tint:#1a222c;--accent:#7dbbff;--on:#0b1520}}
*{box-sizing:border-box}body{margin:0;font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
main,header,footer{max-width:52rem;margin:0 auto;padding:.75rem 1.25rem}header{padding-top:2.25rem}
h1{font-size:1.75rem;line-height:1.25;margin:0;overflow-wrap:anywhere}h2{font-size:1.15rem;margin:0;overflow-wrap:anywhere}
p{margin:.4rem 0;overflow-wrap:anywhere}section{margin:1.5rem 0}.soft{color:var(--soft)}.text{white-space:pre-line}.break{overflow-wrap:anywhere}
.clamp{display:-webkit-box;-webkit-line-clamp:3;-webkit-box-orient:vertical;overflow:hidden}
a{color:var(--accent);text-underline-offset:.15em}a:focus-visible,pre:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:.25rem}
ul.channels{list-style:none;padding:0;margin:0}ul.channels>li{border-top:1px solid var(--line);padding:1.1rem 0}
.actions{display:flex;flex-wrap:wrap;gap:.4rem 1rem;align-items:center;margin:.6rem 0}
.subscribe{padding:.4rem 1rem;border-radius:.4rem;background:var(--accent);color:var(--on);text-decoration:none;font-weight:600}
.subscribe:hover{text-decoration:underline}.mark{font-size:.8rem;font-weight:400;border:1px solid var(--line);border-radius:1rem;padding:.05rem .55rem;color:var(--soft)}
.notice,.empty{border:1px solid var(--line);background:var(--tint);border-radius:.5rem;padding:.75rem 1rem}
code{font:.9rem/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
.command{background:var(--tint);border:1px solid var(--line);border-radius:.4rem;padding:.6rem .75rem;margin:.4rem 0;white-space:pre-wrap;user-select:all;-webkit-user-select:all}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.35rem 1.25rem;margin:.6rem 0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
footer{color:var(--soft);border-top:1px solid var(--line);margin-top:1.5rem}
@media(max-width:30rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}}
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
  /** The URL of the list of channels. */
  readonly home: string
}): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${options.title}</title><style>${{ markup: style }}</style></head>
<body><header><h1>${options.title}</h1>${options.lead}</header>
<main>${options.body}</main>
<footer><p><a href="${options.home}">All channels</a> · served by Longwave</p></footer></body></html>
`.markup
}
