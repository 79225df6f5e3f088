import type { Schema } from './schema.ts'

/** Values in members that a schema does not name, for each of its objects: a later version's. */
const unknownValuesMax = 16

const counted = new WeakMap<Schema, number>()

/**
 * The most JSON values that a document of this schema has, members of later versions allowed for;
 * infinite where the schema bounds no list. What has more need not be parsed to be refused.
 */
export function valuesMaxOf(schema: Schema): number {
  const known = counted.get(schema)
  if (known !== undefined) return known
  const count = countValues(schema)
  counted.set(schema, count)
  return count
}

function countValues(schema: Schema): number {
  const { anyOf, properties, additionalProperties, items } = schema
  if (anyOf !== undefined) return Math.max(...anyOf.map(valuesMaxOf))
  if (schema.type === 'array') {
    if (schema.maxItems === undefined || items === undefined) return Number.POSITIVE_INFINITY
    return 1 + schema.maxItems * valuesMaxOf(items)
  }
  if (schema.type !== 'object') return 1
  if (additionalProperties !== undefined) return Number.POSITIVE_INFINITY
  let values = 1 + unknownValuesMax
  for (const member of Object.values(properties ?? {})) values += valuesMaxOf(member)
  return values
}
