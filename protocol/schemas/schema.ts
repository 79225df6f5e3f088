declare const valueType: unique symbol

/**
 * A JSON Schema (the few keywords that the wire needs) that knows the type of what it admits. Built
 * by `Type`, checked by `isValid` and `findingsOf`, and printed into OpenAPI documents as it is.
 */
export interface Schema<Value = unknown> {
  /** Only for the compiler: it is never there. */
  readonly [valueType]?: Value
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean' | 'null'
  readonly const?: string
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema
  readonly items?: Schema
  readonly maxItems?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
}

/** A member of an object that may be absent. */
export interface OptionalSchema<Value = unknown> {
  readonly optional: Schema<Value>
}

/** The type of the values that a schema admits. */
export type Static<One> = One extends Schema<infer Value> ? Value : never

export type Members = Readonly<Record<string, Schema | OptionalSchema>>

type OptionalNames<All extends Members> = {
  [Name in keyof All]: All[Name] extends OptionalSchema ? Name : never
}[keyof All]

/** The type of an object with these members. */
export type ObjectOf<All extends Members> = Flat<
  { [Name in Exclude<keyof All, OptionalNames<All>>]: Static<All[Name]> } & {
    [Name in OptionalNames<All>]?: All[Name] extends OptionalSchema<infer Value> ? Value : never
  }
>

type Flat<Whole> = { [Name in keyof Whole]: Whole[Name] }
