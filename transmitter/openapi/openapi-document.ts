import { mediaTypes, version } from '../../protocol/index.ts'
import { type Answer, json, type Operation, operations, schemas } from './operations.ts'

/** The OpenAPI 3.1 document of a transmitter's routes, made from the schemas that it checks with. */
export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of operations) {
    const item = paths[operation.path] ?? {}
    item[operation.method] = describe(operation)
    paths[operation.path] = item
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Longwave transmitter', version, license: { name: 'Apache-2.0' } },
    paths,
    components: {
      schemas: {
        // The schemas of the wire are JSON Schema as they are.
        ...(JSON.parse(JSON.stringify(schemas)) as object),
        Problem: problemSchema,
      },
      securitySchemes: {
        publishToken: { type: 'http', scheme: 'bearer' },
        repeaterToken: { type: 'http', scheme: 'bearer' },
      },
    },
  }
}

const problemSchema = {
  type: 'object',
  description: 'RFC 9457',
  required: ['type', 'title', 'status', 'code', 'request'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable; see docs/errors.md.' },
    detail: { type: 'string' },
    request: { type: 'string' },
  },
}

function describe(operation: Operation): object {
  const { path, says, answers, query, body } = operation
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '')
  const parameters = [
    ...names.map((name) => parameterOf(name, 'path')),
    ...Object.entries(query ?? {}).map(([name, description]) => ({
      ...parameterOf(name, 'query'),
      description,
    })),
  ]
  return {
    summary: says,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: contentOf(body) } }),
    responses: Object.fromEntries(
      Object.entries(answers).map(([status, answer]) => [status, responseOf(status, answer)]),
    ),
    ...(operation.publishing === true ? { security: [{ publishToken: [] }] } : {}),
    ...(operation.repeating === true ? { security: [{ repeaterToken: [] }] } : {}),
  }
}

function parameterOf(name: string, place: 'path' | 'query'): object {
  return { name, in: place, required: place === 'path', schema: { type: 'string' } }
}

function responseOf(status: string, answer: Answer): object {
  const isProblem = Number(status) >= 400 && answer.type === undefined
  const hasBody = isProblem || answer.schema !== undefined || answer.type !== undefined
  const problem = { [mediaTypes.problem]: { schema: { $ref: '#/components/schemas/Problem' } } }
  return {
    description: answer.says,
    ...(hasBody ? { content: isProblem ? problem : contentOf(answer) } : {}),
  }
}

function contentOf({ schema, type }: Pick<Answer, 'schema' | 'type'>): object {
  const described = schema === undefined ? {} : { $ref: `#/components/schemas/${schema}` }
  return { [type ?? json]: { schema: described } }
}
