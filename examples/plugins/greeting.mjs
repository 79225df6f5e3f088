// A special greeting: everybody has the release's `greeting.html`; who told a name, and everybody on
// the day that the administrator set, gets one of his own.
//
//   longwave transmitter allow-plugin home --set holiday=2026-12-24 --set wish='Merry Christmas'
//   longwave publish ./home https://dl.example.org/home --plugin greeting.mjs --plugin-path greeting.html
//   longwave feedback home 'name Ada' && longwave update home

/** @param {import('longwave/plugin').PluginContext} context */
export function init(context) {
  context.database.exec('CREATE TABLE IF NOT EXISTS names (tuner TEXT PRIMARY KEY, name TEXT)')
}

/**
 * @param {import('longwave/plugin').PluginRequest} request
 * @param {import('longwave/plugin').PluginCallContext} context
 */
export async function update(request, context) {
  const name = await context.transaction((db, entries) => {
    for (const entry of entries) {
      const told = /^name (.{1,40})$/u.exec(entry.text())?.[1]
      if (told === undefined) continue
      db.run(
        'INSERT INTO names VALUES (?, ?) ON CONFLICT (tuner) DO UPDATE SET name = excluded.name',
        request.tuner,
        told,
      )
    }
    return db.get('SELECT name FROM names WHERE tuner = ?', request.tuner)?.name
  })
  const { holiday, wish } = context.settings
  const isHoliday = dayAt(request.zoneMinutes) === holiday
  if (name === undefined && !isHoliday) return { files: [] }
  const text = `${isHoliday ? wish : 'Welcome'}${name === undefined ? '' : `, ${name}`}!`
  return { files: [{ path: 'greeting.html', data: `<h1>${escaped(text)}</h1>\n` }] }
}

/** Where the tuner is it may be another day than here. */
function dayAt(zoneMinutes) {
  return new Date(Date.now() + zoneMinutes * 60_000).toISOString().slice(0, 10)
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
