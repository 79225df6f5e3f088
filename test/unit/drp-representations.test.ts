import t from 'tap'
import { declaredErrors } from '../../protocol/index.ts'
import { digestOfIdentifier } from '../../protocol/drp/index.ts'
import {
  chooseRepresentation,
  type DeltaFormat,
  type DeltaOffer,
  type Representation,
  type Resource,
  type Version,
} from '../../serving/representations/index.ts'
import { loadVectors } from '../interop/drp/vectors.ts'

interface WireVectors {
  readonly state: Pick<Resource, 'path' | 'formats' | 'caching' | 'current'> & {
    readonly older: readonly Version[]
    readonly deltas: readonly ({
      readonly format: DeltaFormat
      readonly from: string
      readonly to: string
    } & DeltaOffer)[]
  }
  readonly exchanges: readonly {
    readonly name: string
    readonly section: string
    readonly what: string
    readonly request: { readonly method: string; readonly headers: Record<string, string> }
    readonly status: number
    readonly headers: Record<string, string | null>
    readonly body: Record<string, unknown>
  }[]
}

const { state, exchanges } = loadVectors<WireVectors>('wire.json')

const resource: Resource = {
  ...state,
  older: (id) =>
    state.older.find((version) =>
      id.algorithm === 'md5' ? version.md5 === id.hex : version.sha256 === digestOfIdentifier(id),
    ),
  delta: (format, from, to) =>
    state.deltas.find(
      (delta) => delta.format === format && delta.from === from.sha256 && delta.to === to.sha256,
    ),
}

function ask(headers: Record<string, string>, changes: Partial<Resource> = {}): Representation {
  return chooseRepresentation({ method: 'GET', headers, resource: { ...resource, ...changes } })
}

for (const { name, section, what, request, ...expected } of exchanges) {
  t.test(`C115: ${section}: ${what} (${name})`, async (t) => {
    const answer = chooseRepresentation({ ...request, resource })
    t.equal(answer.status, expected.status)
    const present = Object.entries(expected.headers).filter(([, value]) => value !== null)
    t.strictSame(answer.headers, Object.fromEntries(present))
    t.match(answer.body, expected.body)
  })
}

t.test('C115: a server without dictionary codings neither offers nor varies by them', async (t) => {
  const answer = ask({}, { formats: ['gdiff'] })
  t.equal(answer.headers['Use-As-Dictionary'], undefined)
  t.equal(answer.headers['Vary'], 'Content-ID, Differential-ID, A-IM, Accept-Encoding')
})

t.test('C115: what caches may not keep is not offered as dictionary', async (t) => {
  const caching = { audience: 'private', maxAgeSeconds: 0, staleSeconds: 0 } as const
  const answer = ask({}, { caching })
  t.equal(answer.headers['Use-As-Dictionary'], undefined)
  t.equal(answer.headers['Cache-Control'], 'private, max-age=0, must-revalidate')
})

t.test('C115: the pattern of a dictionary may be widened or switched off', async (t) => {
  const wide = ask({}, { dictionaryFor: '/demo/files/main.*.js' })
  t.equal(wide.headers['Use-As-Dictionary'], 'match="/demo/files/main.*.js"')
  t.equal(ask({}, { dictionaryFor: 'none' }).headers['Use-As-Dictionary'], undefined)
})

t.test('C115: characters that a URL pattern treats are escaped', async (t) => {
  const answer = ask({}, { path: '/demo/files/a(1)+{b}:*.js' })
  const match = 'match="/demo/files/a\\\\(1\\\\)\\\\+\\\\{b\\\\}\\\\:\\\\*.js"'
  t.equal(answer.headers['Use-As-Dictionary'], match)
})

t.test('C115: very small and very large files are no dictionaries', async (t) => {
  for (const size of [0, 100, 200 * 1024 * 1024]) {
    const answer = ask({}, { current: { ...resource.current, size } })
    t.equal(answer.headers['Use-As-Dictionary'], undefined, `${size} bytes`)
  }
})

t.test('C115: the smaller of dictionary and plain coding is answered', async (t) => {
  const ready = { sha256: resource.current.sha256, bytes: 50 }
  const current = { ...resource.current, coded: { br: ready } }
  const hash = Buffer.from(state.older[0]?.sha256 ?? '', 'hex').toString('base64')
  const headers = { 'accept-encoding': 'br, dcz', 'available-dictionary': `:${hash}:` }
  t.equal(ask(headers, { current }).headers['Content-Encoding'], 'br')
  t.equal(ask(headers).headers['Content-Encoding'], 'dcz')
})

t.test('C115: every problem is a declared error with the status that is answered', async (t) => {
  const codes = new Set<string>()
  for (const { request } of exchanges) {
    const { body, status } = chooseRepresentation({ ...request, resource })
    if (body.kind !== 'problem') continue
    codes.add(body.code)
    t.equal(declaredErrors().get(body.code)?.status, status, body.code)
  }
  t.equal(codes.size, 5, 'all of them occur in the vectors')
})

t.test('S69: hostile header values are ignored or answered 400, quickly', async (t) => {
  const values = [
    '"'.repeat(50_000),
    ','.repeat(16_000),
    '(('.repeat(8000),
    `bytes=${'0-,'.repeat(5000)}`,
  ]
  const names = [
    'content-id',
    'differential-id',
    'a-im',
    'if-none-match',
    'if-match',
    'if-range',
    'range',
    'accept-encoding',
    'available-dictionary',
  ]
  for (const name of names) {
    for (const value of values) {
      const { status } = ask({ range: 'bytes=0-1', [name]: value })
      t.ok([200, 206, 400, 412].includes(status), `${name}: ${status}`)
    }
  }
})
