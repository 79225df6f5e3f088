export * from './control-server.ts'
export * from './remote-tuner.ts'
