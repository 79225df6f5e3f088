/** A thread of a plug-in's process: it ends the process when the transmitter is gone. */
const parent = process.ppid
const checkEveryMs = 1_000

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
}, checkEveryMs)
