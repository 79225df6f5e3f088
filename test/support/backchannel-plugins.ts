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
