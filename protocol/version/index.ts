// A door of its own: `longwave --version` loads nothing else.
export * from '../version.ts'
