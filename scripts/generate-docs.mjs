// Writes docs/errors.md and docs/limits.md from the tables in the code, or with --check says whether
// they are in step. Errors come from the built modules, limits from the comments in the sources.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const areas = [
  'protocol',
  'store',
  'transport',
  'delta',
  'trust',
  'mirroring',
  'serving',
  'web',
  'publisher',
  'transmitter',
  'repeater',
  'proxy',
  'gateway',
  'tuner',
  'sdk',
  'cli',
]

/** What users meet as one cause although several parts have codes of their own for it. */
const causes = [
  ['the disk is full', 'LW_TUNER_DISK_SPACE', 'LW_STORE_DISK_FULL'],
  ['no permission for a file or folder', 'LW_STORE_NO_PERMISSION', 'LW_PUBLISH_UNREADABLE'],
  ['a key that must sign is missing', 'LW_PUBLISH_KEYS_MISSING', 'LW_TRUST_KEYS_MISSING'],
  [
    'a name that a release cannot have',
    'LW_PUBLISH_NAME_NOT_UTF8',
    'LW_PUBLISH_NOT_PORTABLE',
    'LW_FORMAT_PATH',
    'LW_FORMAT_PATH_COLLISION',
  ],
  ['another process is at work there', 'LW_STORE_LOCKED', 'LW_TRANSMIT_TOO_MANY_PROCESSES'],
]

function sources(name) {
  return areas
    .flatMap((area) => walk(path.join(root, area)))
    .filter((file) => path.basename(file).endsWith(name))
    .sort()
}

function walk(directory) {
  try {
    return readdirSync(directory, { recursive: true }).map((name) => path.join(directory, name))
  } catch {
    // Not every area is there in every state of the tree.
    return []
  }
}

async function errorsDocument() {
  const { declaredErrors } = await import(
    pathToFileURL(path.join(root, 'dist/protocol/index.js')).href
  )
  for (const file of sources('errors.ts')) {
    const built = path.join(root, 'dist', path.relative(root, file).replace(/\.ts$/, '.js'))
    await import(pathToFileURL(built).href)
  }
  const lines = [
    '# Error codes',
    '',
    'Made by `npm run docs` from the tables in the code. Codes are stable within a major version, messages',
    'are not. On the wire an error is `application/problem+json` with its `code`; on the command line it',
    'stands in brackets behind the message, and `--json` carries it as `code`.',
    '',
    'Retryable means: the same call may succeed later without a change by the caller.',
    '',
    '## One cause, one exit code',
    '',
    'The same cause ends a command with the same code, whichever part of Longwave met it:',
    '',
    '| cause | exit code | error codes |',
    '|---|---|---|',
    ...causes.map(([cause, ...codes]) => {
      const exits = new Set(codes.map((code) => declaredErrors().get(code)?.exit))
      if (exits.size !== 1) throw new Error(`${cause}: exit codes ${[...exits].join(', ')}`)
      return `| ${cause} | ${[...exits][0]} | ${codes.join(', ')} |`
    }),
  ]
  let area = ''
  for (const [code, spec] of [...declaredErrors()].sort((a, b) =>
    a[1].area === b[1].area ? (a[0] < b[0] ? -1 : 1) : a[1].area < b[1].area ? -1 : 1,
  )) {
    if (spec.area !== area) {
      area = spec.area
      lines.push(
        '',
        `## ${area}`,
        '',
        '| code | HTTP | exit | retryable | what it says |',
        '|---|---|---|---|---|',
      )
    }
    lines.push(
      `| ${code} | ${spec.status} | ${spec.exit} | ${spec.retryable ? 'yes' : 'no'} | ${spec.says} |`,
    )
  }
  return `${lines.join('\n')}\n`
}

function limitsDocument() {
  const lines = [
    '# Limits',
    '',
    'Made by `npm run docs` from the `limits.ts` of each folder. Sizes are bytes, times milliseconds,',
    'where the name does not say otherwise.',
  ]
  for (const file of sources('limits.ts')) {
    const rows = limitRows(readFileSync(file, 'utf8'))
    if (rows.length === 0) continue
    lines.push(
      '',
      `## ${path.relative(root, path.dirname(file))}`,
      '',
      '| limit | value | what it bounds |',
      '|---|---|---|',
    )
    for (const row of rows) lines.push(`| ${row.name} | ${row.value} | ${row.text} |`)
  }
  return `${lines.join('\n')}\n`
}

/** Members of exported tables, each with the comment above it. */
function limitRows(source) {
  const rows = []
  let comment = ''
  let inComment = false
  for (const line of source.split('\n')) {
    const one = /^\s+\/\*\* (.*) \*\/$/.exec(line)
    if (one !== null) comment = one[1]
    else if (/^\s+\/\*\*/.test(line)) {
      inComment = true
      comment = line.replace(/^\s+\/\*\*\s?/, '')
    } else if (inComment) {
      if (/\*\//.test(line)) inComment = false
      else comment = `${comment} ${line.replace(/^\s+\* ?/, '')}`.trim()
    } else {
      const member = /^\s+([a-zA-Z]\w*): (.+),$/.exec(line)
      if (member !== null) {
        rows.push({
          name: member[1],
          value: valueText(member[2]),
          text: comment.replace(/\|/g, '\\|'),
        })
        comment = ''
      }
    }
  }
  return rows
}

function valueText(expression) {
  if (/^[\d_\s*+<().-]+$/.test(expression)) {
    return Number(Function(`return (${expression})`)()).toLocaleString('en-US')
  }
  return `\`${expression.replace(/\|/g, '\\|')}\``
}

const documents = { 'docs/errors.md': await errorsDocument(), 'docs/limits.md': limitsDocument() }
let stale = false
for (const [name, text] of Object.entries(documents)) {
  const file = path.join(root, name)
  if (process.argv.includes('--check')) {
    let present = ''
    try {
      present = readFileSync(file, 'utf8')
    } catch {}
    if (present !== text) {
      stale = true
      process.stderr.write(`${name} is out of step: npm run docs\n`)
    }
  } else writeFileSync(file, text)
}
process.exit(stale ? 1 : 0)
