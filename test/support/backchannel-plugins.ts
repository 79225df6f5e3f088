/** Plug-ins of tests, as module texts. */
export const countingPlugin = `
export function init(context) {
  context.database.exec('CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, text TEXT, times INTEGER)')
  context.database.exec('CREATE TABLE IF NOT EXISTS handed (id TEXT)')
}
export async function update(request, context) {
  await context.transaction((db, entries) => {
    for (const entry of request.feedback) db.run('INSERT INTO handed VALUES (?)', entry.id)
    for (const entry of entries) {
      db.run('INSERT INTO seen VALUES (?, ?, 1) ON CONFLICT (id) DO UPDATE SET times = times + 1', entry.id, entry.text())
    }
  })
  const row = context.database.get('SELECT count(*) AS n FROM seen')
  return { reply: { type: 'application/json', data: { seen: row.n, tuner: request.tuner } } }
}
`

/** A greeting for each tuner, and how much feedback it sent. */
export const greetingPlugin = `
export function init(context) {
  context.database.exec('CREATE TABLE IF NOT EXISTS counts (tuner TEXT PRIMARY KEY, n INTEGER)')
}
export async function update(request, context) {
  const n = await context.transaction((db, entries) => {
    db.run('INSERT INTO counts VALUES (?, 0) ON CONFLICT DO NOTHING', request.tuner)
    db.run('UPDATE counts SET n = n + ? WHERE tuner = ?', entries.length, request.tuner)
    return db.get('SELECT n FROM counts WHERE tuner = ?', request.tuner).n
  })
  return {
    files: [
      { path: 'greeting.txt', data: 'hello ' + request.tuner + ' of release ' + request.head },
      { path: 'extra/n.txt', data: String(n) },
    ],
  }
}
`

/** Plug-ins that behave badly when an entry says so, and count soundly otherwise. */
export const wildPlugin = `
export function init(context) {
  context.database.exec('CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, text TEXT)')
  context.database.exec('CREATE TABLE IF NOT EXISTS tries (text TEXT)')
}
export async function update(request, context) {
  let unfit = false
  for (const entry of request.feedback) {
    const text = entry.text()
    const isFirst = context.database.get('SELECT count(*) AS n FROM tries WHERE text = ?', text).n === 0
    context.database.run('INSERT INTO tries VALUES (?)', text)
    if (!isFirst) continue
    if (text === 'throw') throw new Error('plug-in says no\\n{"level":60,"msg":"forged"}')
    if (text === 'loop') for (;;) {}
    if (text === 'exit') process.exit(3)
    if (text === 'hang') await new Promise(() => {})
    if (text === 'memory') { const held = []; for (;;) held.push(new Array(1e6).fill(Math.random())) }
    if (text === 'flood') for (let n = 0; n < 200_000; n++) console.log('flood '.repeat(20))
    if (text === 'huge') return { reply: 'x'.repeat(40 * 1024 * 1024) }
    if (text === 'unfit') unfit = true
  }
  await context.transaction((db, entries) => {
    for (const entry of entries) db.run('INSERT INTO seen VALUES (?, ?)', entry.id, entry.text())
  })
  return unfit ? { files: [{ path: '../../etc/passwd', data: 'root' }] } : { reply: 'fine' }
}
`

/** Answers with what it can see of its surroundings. */
export const curiousPlugin = `
export function update() {
  return { reply: { type: 'application/json', data: { env: process.env, argv: process.argv.length } } }
}
`
