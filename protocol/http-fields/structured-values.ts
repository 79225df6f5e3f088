/** The bare items of RFC 9651 3.3. */
export type BareItem =
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'decimal'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'token'; readonly value: string }
  | { readonly kind: 'bytes'; readonly value: Uint8Array }
  | { readonly kind: 'boolean'; readonly value: boolean }
  /** Seconds after 1970-01-01T00:00:00Z. */
  | { readonly kind: 'date'; readonly value: number }
  | { readonly kind: 'display-string'; readonly value: string }

export type Parameters = ReadonlyMap<string, BareItem>

export interface Item {
  readonly item: BareItem
  readonly parameters: Parameters
}

export interface InnerList {
  readonly items: readonly Item[]
  readonly parameters: Parameters
}

export type Member = Item | InnerList

/** Members in the order of the field; of a repeated key the last value counts. */
export type Dictionary = ReadonlyMap<string, Member>

export function isInnerList(member: Member): member is InnerList {
  return 'items' in member
}

const none: Parameters = new Map()

/** Short forms for values that are written. */
export const structured = {
  integer: (value: number): Item => ({ item: { kind: 'integer', value }, parameters: none }),
  string: (value: string): Item => ({ item: { kind: 'string', value }, parameters: none }),
  token: (value: string): Item => ({ item: { kind: 'token', value }, parameters: none }),
  bytes: (value: Uint8Array): Item => ({ item: { kind: 'bytes', value }, parameters: none }),
  list: (items: readonly Item[]): InnerList => ({ items, parameters: none }),
} as const
