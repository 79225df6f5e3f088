// The next lesson for a learner: lessons lie in the release, and a tuner gets the one that follows
// the last one it reported as done, as `lesson/today.txt`.
//
//   longwave transmitter allow-plugin school
//   longwave publish ./school https://dl.example.org/school --plugin lessons.mjs --plugin-path lesson/
//   longwave feedback school 'done 1' && longwave update school

const lessons = [
  'Lesson 1: how to hold the bow.',
  'Lesson 2: open strings.',
  'Lesson 3: the first finger.',
]

/** @param {import('longwave/plugin').PluginContext} context */
export function init(context) {
  context.database.exec(
    'CREATE TABLE IF NOT EXISTS progress (tuner TEXT PRIMARY KEY, done INTEGER NOT NULL)',
  )
}

/**
 * @param {import('longwave/plugin').PluginRequest} request
 * @param {import('longwave/plugin').PluginCallContext} context
 */
export async function update(request, context) {
  const done = await context.transaction((db, entries) => {
    db.run('INSERT INTO progress VALUES (?, 0) ON CONFLICT DO NOTHING', request.tuner)
    for (const entry of entries) {
      const number = Number(/^done (\d+)$/.exec(entry.text())?.[1] ?? 0)
      // In order, and no lesson twice: what was reported is a fact only once.
      db.run(
        'UPDATE progress SET done = ? WHERE tuner = ? AND done = ? - 1',
        number,
        request.tuner,
        number,
      )
    }
    return db.get('SELECT done FROM progress WHERE tuner = ?', request.tuner).done
  })
  const text = lessons[done] ?? 'That was the last lesson. Well done!'
  return { files: [{ path: 'lesson/today.txt', data: `${text}\n` }] }
}
