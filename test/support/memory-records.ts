import type {
  DeviceRecords,
  RecordEntry,
  RecordRange,
  RecordSpace,
} from '../../store/device-records/index.ts'

/** A tuner's records in memory: what a home has whose records were just rebuilt. */
export function memoryRecords(): DeviceRecords {
  const all = new Map<string, string>()
  return {
    space: (name, parse) => spaceOf(all, name, parse),
    async batch(changes) {
      for (const change of changes) {
        if (change.type === 'put') all.set(change.storedKey, change.json)
        else all.delete(change.storedKey)
      }
    },
    close: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  }
}

function spaceOf<Value>(
  all: Map<string, string>,
  name: string,
  parse: (value: unknown) => Value = (value) => value as Value,
): RecordSpace<Value> {
  const stored = (key: string): string => `${name}!${key}`
  return {
    async get(key) {
      const json = all.get(stored(key))
      return json === undefined ? undefined : parse(JSON.parse(json))
    },
    async put(key, value) {
      all.set(stored(key), JSON.stringify(value))
    },
    async delete(key) {
      all.delete(stored(key))
    },
    iterate: (range) => iterate(all, name, parse, range),
    putting: (key, value) => ({ type: 'put', storedKey: stored(key), json: JSON.stringify(value) }),
    deleting: (key) => ({ type: 'delete', storedKey: stored(key) }),
  }
}

async function* iterate<Value>(
  ...[all, name, parse, range = {}]: [
    Map<string, string>,
    string,
    (value: unknown) => Value,
    RecordRange | undefined,
  ]
): AsyncGenerator<RecordEntry<Value>> {
  const { prefix = '', after = '', countMax = Number.POSITIVE_INFINITY, isReversed } = range
  const keys = [...all.keys()]
    .filter((stored) => stored.startsWith(`${name}!${prefix}`))
    .map((stored) => stored.slice(name.length + 1))
    .filter((key) => after === '' || key > after)
    .sort()
  if (isReversed === true) keys.reverse()
  for (const key of keys.slice(0, countMax)) {
    const json = all.get(`${name}!${key}`)
    if (json !== undefined) yield { key, value: parse(JSON.parse(json)) }
  }
}
