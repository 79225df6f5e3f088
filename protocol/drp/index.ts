// DRP (W3C NOTE-drp-19970825): content identifiers, the XML index, and how replies are judged.
export * from './content-fields.ts'
export * from './content-identifier.ts'
export * from './errors.ts'
export * from './index-model.ts'
export * from './index-parser.ts'
export * from './index-writer.ts'
export * from './limits.ts'
export * from './reply.ts'
