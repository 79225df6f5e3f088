#!/usr/bin/env node
import { listenEarly } from './interruption.ts'

// Kept to syntax that old versions parse, so that they reach the check and its message.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 18)) {
  process.stderr.write(
    `longwave: needs Node 20.18.1 or newer; this is ${process.version}. Install a newer Node and run the same command again.\n`,
  )
  process.exitCode = 1
} else {
  // First of all: what a signal ends before it is listened to says nothing of it.
  listenEarly()
  // Whatever stands before the name of a command: one that is not a server loses nothing by it.
  const serves = /^(transmitter|repeater|proxy)$/
  const bounded = process.argv.some((word) => serves.test(word))
    ? import('./young-space.ts').then((space) => space.boundYoungSpace())
    : Promise.resolve()
  bounded
    .then(() => import('./program.ts'))
    .then((program) => program.runProgram(process.argv.slice(2)))
    .catch((error: unknown) => {
      process.stderr.write(`longwave: cannot start: ${String(error)}\n`)
      process.exitCode = 1
    })
}
