// A database query that is answered with the update: the channel asks for articles in its feedback,
// and finds their prices in its reply.
//
//   longwave transmitter allow-plugin shop --set database=/srv/shop/prices.db
//   longwave publish ./shop https://dl.example.org/shop --plugin prices.mjs
//   longwave feedback shop '{"articles":["A-100"]}' --type application/json && longwave update shop

/** @type {import('longwave/plugin').PluginDatabase} */
let prices

/** @param {import('longwave/plugin').PluginContext} context */
export function init(context) {
  const file = context.settings.database
  if (file === undefined) throw new Error('The setting "database" names the SQLite file of prices.')
  prices = context.openDatabase(file, { isReadOnly: true })
  context.database.exec(
    'CREATE TABLE IF NOT EXISTS wanted (tuner TEXT, article TEXT, PRIMARY KEY (tuner, article))',
  )
}

/**
 * @param {import('longwave/plugin').PluginRequest} request
 * @param {import('longwave/plugin').PluginCallContext} context
 */
export async function update(request, context) {
  const wanted = await context.transaction((db, entries) => {
    for (const entry of entries.filter(({ type }) => type === 'application/json')) {
      for (const article of entry.json().articles ?? []) {
        db.run('INSERT INTO wanted VALUES (?, ?) ON CONFLICT DO NOTHING', request.tuner, article)
      }
    }
    return db.all('SELECT article FROM wanted WHERE tuner = ? ORDER BY article', request.tuner)
  })
  const list = wanted.map(({ article }) => {
    const row = prices.get('SELECT cents FROM prices WHERE article = ?', article)
    return { article, cents: row?.cents ?? null }
  })
  return { reply: { type: 'application/json', data: { prices: list } } }
}
