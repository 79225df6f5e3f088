import { PassThrough } from 'node:stream'
import t from 'tap'
import { formatError } from '../../protocol/index.ts'
import { createLogger, problemOf, servingError } from '../../serving/index.ts'

const parse = (error: unknown) => JSON.parse(problemOf(error, 'r-1').body.toString())

t.test('our errors travel with code, sentence, detail and members', async (t) => {
  const error = formatError('LW_FORMAT_PATH', {
    detail: 'The path is too long.',
    members: { paths: ['a'], code: 'LW_OTHER', status: 200 },
    next: 'not for the wire',
  })
  t.same(parse(error), {
    type: 'urn:longwave:error:LW_FORMAT_PATH',
    title: 'The path cannot be distributed.',
    status: 400,
    code: 'LW_FORMAT_PATH',
    detail: 'The path is too long.',
    request: 'r-1',
    paths: ['a'],
  })
  const { headers } = problemOf(error, 'r-1')
  t.ok(headers.includes('no-store'))
  t.ok(headers.includes('application/problem+json'))
})

t.test('of any other error nothing but the request id gets out', async (t) => {
  const inner = Object.assign(new Error('password is hunter2 in /srv/db'), { statusCode: 500 })
  for (const error of [
    inner,
    'hunter2',
    null,
    undefined,
    { message: 'hunter2', statusCode: 404 },
  ]) {
    const problem = problemOf(error, 'r-2')
    t.equal(problem.status, 500)
    t.notMatch(problem.body.toString(), /hunter2|srv/)
    t.equal(JSON.parse(problem.body.toString()).request, 'r-2')
  }
})

t.test('Retry-After and WWW-Authenticate go with the errors that need them', async (t) => {
  const stopping = problemOf(servingError('LW_SERVE_STOPPING', { retryAfterSeconds: 1.2 }), 'r')
  t.equal(stopping.headers[stopping.headers.indexOf('Retry-After') + 1], '2')
  t.notOk(stopping.headers.includes('WWW-Authenticate'))
})

t.test('the framework’s refusals become ours', async (t) => {
  const refusal = (code: string, statusCode: number) =>
    parse(Object.assign(new Error('Too big'), { code, statusCode })).code
  t.equal(refusal('FST_ERR_CTP_BODY_TOO_LARGE', 413), 'LW_SERVE_BODY_TOO_LARGE')
  t.equal(refusal('FST_ERR_CTP_INVALID_MEDIA_TYPE', 415), 'LW_SERVE_MEDIA_TYPE')
  t.equal(refusal('FST_ERR_CTP_INVALID_CONTENT_LENGTH', 400), 'LW_SERVE_REQUEST')
  t.equal(refusal('ECONNRESET', 400), 'LW_SERVE_CLIENT_GONE')
  t.equal(refusal('EACCES', 403), 'LW_SERVE_INTERNAL')
})

t.test('logs are NDJSON off a terminal and hold no secrets', async (t) => {
  const destination = new PassThrough()
  const logger = createLogger({ name: 'test', destination })
  logger.info({ token: 'hunter2', headers: { authorization: 'hunter2', 'set-cookie': 'hunter2' } })
  logger.info({ request: { headers: { cookie: 'hunter2' } }, path: '/a' }, 'line\nbreak')
  const lines = destination.read().toString().trim().split('\n')
  t.equal(lines.length, 2)
  t.notMatch(lines.join(), /hunter2/)
  t.match(JSON.parse(lines[1] ?? ''), { name: 'test', path: '/a', msg: 'line\nbreak' })
})

t.test('logs are for people on a terminal', async (t) => {
  const destination = new PassThrough()
  const logger = createLogger({ name: 'test', destination, human: true })
  logger.warn({ path: '/\u001b[2J' }, 'the disk\u001b[2J is\nnearly full')
  await new Promise(setImmediate)
  const text = String(destination.read())
  t.match(text, /WARN.*the disk \[2J is nearly full/)
  t.notOk(text.includes('\u001b'), 'S68: words from outside do not steer the terminal')
  t.throws(() => JSON.parse(text))
})
