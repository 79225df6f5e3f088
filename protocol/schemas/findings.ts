import type { Schema } from './schema.ts'

/** What is wrong with a value, and where. */
export interface SchemaFinding {
  /** JSON Pointer (RFC 6901); empty for the whole document. */
  readonly at: string
  readonly says: string
}

/** Whether a value, as JSON brings it, is what a schema admits. */
export function isValid<Value>(schema: Schema<Value>, value: unknown): value is Value {
  return findingsOf(schema, value, 1).length === 0
}

/** What keeps a value from being admitted, `max` findings at the most; none when nothing does. */
export function findingsOf(schema: Schema, value: unknown, max: number): readonly SchemaFinding[] {
  const findings: SchemaFinding[] = []
  check({ findings, max }, schema, value, '')
  return findings
}

interface Report {
  readonly findings: SchemaFinding[]
  readonly max: number
}

// A document's nesting is bounded by its schema's: no schema refers to itself.
function check(report: Report, schema: Schema, value: unknown, at: string): void {
  if (schema.anyOf !== undefined) {
    checkUnion(report, schema.anyOf, value, at)
    return
  }
  switch (schema.type) {
    case 'string':
      checkText(report, schema, value, at)
      return
    case 'integer':
      checkInteger(report, schema, value, at)
      return
    case 'array':
      checkArray(report, schema, value, at)
      return
    case 'object':
      checkObject(report, schema, value, at)
      return
    case 'boolean':
      if (typeof value !== 'boolean') add(report, at, 'must be true or false')
      return
    case 'null':
      if (value !== null) add(report, at, 'must be null')
      return
    case undefined:
      return
  }
}

function checkUnion(report: Report, all: readonly Schema[], value: unknown, at: string): void {
  if (all.some((one) => isValid(one, value))) return
  // With a single alternative that is no plain word or null, its own findings say more.
  const [only, ...more] = all.filter((one) => one.const === undefined && one.type !== 'null')
  if (only !== undefined && more.length === 0 && value !== null) check(report, only, value, at)
  else add(report, at, 'must be one of what is allowed')
}

function checkText(report: Report, schema: Schema, value: unknown, at: string): void {
  if (typeof value !== 'string') {
    add(report, at, 'must be text')
    return
  }
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = schema
  if (schema.const !== undefined) {
    if (value !== schema.const) add(report, at, `must be ${JSON.stringify(schema.const)}`)
  } else if (value.length < minLength) {
    add(report, at, `must have at least ${minLength} characters`)
  } else if (value.length > maxLength && isLonger(value, maxLength)) {
    add(report, at, `must have at most ${maxLength} characters`)
  } else if (pattern !== undefined && !compiled(pattern).test(value)) {
    add(report, at, `must match ${pattern}`)
  }
}

/** JSON Schema counts characters, not UTF-16 units: only a text at the edge has to be walked. */
function isLonger(text: string, max: number): boolean {
  if (text.length > 2 * max) return true
  let characters = 0
  for (const _ of text) characters++
  return characters > max
}

const patterns = new Map<string, RegExp>()

/** Patterns come from schemas, so their number is that of the schemas in the code. */
function compiled(pattern: string): RegExp {
  let made = patterns.get(pattern)
  if (made === undefined) {
    made = new RegExp(pattern, 'u')
    patterns.set(pattern, made)
  }
  return made
}

function checkInteger(report: Report, schema: Schema, value: unknown, at: string): void {
  if (!Number.isInteger(value)) {
    add(report, at, 'must be a whole number')
    return
  }
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema
  if (Number(value) < minimum) add(report, at, `must be at least ${minimum}`)
  else if (Number(value) > maximum) add(report, at, `must be at most ${maximum}`)
}

function checkArray(report: Report, schema: Schema, value: unknown, at: string): void {
  if (!Array.isArray(value)) {
    add(report, at, 'must be a list')
    return
  }
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    add(report, at, `must have at most ${schema.maxItems} items`)
    return
  }
  const { items } = schema
  if (items === undefined) return
  for (let index = 0; index < value.length && report.findings.length < report.max; index++) {
    check(report, items, value[index], `${at}/${index}`)
  }
}

function checkObject(report: Report, schema: Schema, value: unknown, at: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    add(report, at, 'must be an object')
    return
  }
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(value, name)) add(report, at, `must have ${name}`)
  }
  const members = value as Readonly<Record<string, unknown>>
  const { properties = {}, additionalProperties } = schema
  for (const name of Object.keys(members)) {
    if (report.findings.length >= report.max) return
    const known = Object.hasOwn(properties, name) ? properties[name] : additionalProperties
    if (known === undefined) continue
    const isAbsent = members[name] === undefined && schema.required?.includes(name) !== true
    if (!isAbsent) check(report, known, members[name], `${at}/${name}`)
  }
}

function add(report: Report, at: string, says: string): void {
  if (report.findings.length < report.max) report.findings.push({ at, says })
}
