import type { Members, ObjectOf, OptionalSchema, Schema, Static } from './schema.ts'

type TextRules = Pick<Schema, 'minLength' | 'maxLength' | 'pattern'>
type NumberRules = Pick<Schema, 'minimum' | 'maximum'>

/** Builds schemas. Members that an object's schema does not name are admitted, and ignored. */
export const Type = {
  String: (rules: TextRules = {}): Schema<string> => ({ type: 'string', ...rules }),

  Integer: (rules: NumberRules = {}): Schema<number> => ({ type: 'integer', ...rules }),

  Boolean: (): Schema<boolean> => ({ type: 'boolean' }),

  Null: (): Schema<null> => ({ type: 'null' }),

  Literal: <const Text extends string>(text: Text): Schema<Text> => ({
    type: 'string',
    const: text,
  }),

  Union: <const All extends readonly Schema[]>(all: All): Schema<Static<All[number]>> => ({
    anyOf: all,
  }),

  Array: <One extends Schema>(
    items: One,
    rules: Pick<Schema, 'maxItems'> = {},
  ): Schema<Static<One>[]> => ({ type: 'array', items, ...rules }),

  /** An object of any names, all with values of one kind. */
  Record: <One extends Schema>(values: One): Schema<Record<string, Static<One>>> => ({
    type: 'object',
    additionalProperties: values,
  }),

  Optional: <One extends Schema>(optional: One): OptionalSchema<Static<One>> => ({
    optional: optional as Schema<Static<One>>,
  }),

  Object: <const All extends Members>(members: All): Schema<ObjectOf<All>> => {
    const properties: Record<string, Schema> = {}
    const required: string[] = []
    for (const [name, member] of Object.entries(members)) {
      if ('optional' in member) properties[name] = member.optional
      else {
        properties[name] = member
        required.push(name)
      }
    }
    return { type: 'object', properties, ...(required.length === 0 ? {} : { required }) }
  },
}
