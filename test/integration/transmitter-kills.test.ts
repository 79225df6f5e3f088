import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { digestOf } from '../../protocol/index.ts'
import { checkStore } from '../../transmitter/index.ts'
import { noise, RawPublisher, temporaryFolder } from '../support/transmitter-stage.ts'

t.setTimeout(120_000)

interface Process {
  readonly child: ChildProcess
  readonly url: string
  readonly token: string
  kill(): Promise<void>
}

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const program = fileURLToPath(
  new URL(`../support/transmitter-process.${extension}`, import.meta.url),
)

async function start(directory: string): Promise<Process> {
  const child = spawn(process.execPath, [program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const [url] = (await once(lines, 'line')) as [string]
  const token = readFileSync(path.join(directory, 'publish-token'), 'utf8').trim()
  return {
    child,
    url,
    token,
    async kill() {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

/**
 * After how many answers of the same process it is killed: a clock that goes as fast as the
 * machine does, whatever else it has to do.
 */
const answersBefore = [0, 3, 7, 14, 25, 45, 90]

t.test(
  'R10 R37: kill -9 in the middle of a publish leaves the old release or the new one',
  async (t) => {
    const directory = path.join(temporaryFolder(t), 'transmitter')
    let service = await start(directory)
    t.teardown(() => service.kill())
    const founder = new RawPublisher(service, 'site')
    let contents: Record<string, string | Uint8Array> = { a: 'first', large: noise(300_000) }
    await founder.publish(contents)
    const seen = { old: 0, new: 0 }
    for (const answers of answersBefore) {
      const next = { a: `after ${answers}`, b: noise(5000), large: noise(300_000) }
      const publisher = new RawPublisher(service, 'site', founder)
      const publishing = publisher.publish(next).catch(() => undefined)
      for (let answer = 0; answer < answers; answer++) await (await fetch(`${service.url}/`)).text()
      await service.kill()
      await publishing
      service = await start(directory)
      const reader = new RawPublisher(service, 'site', founder)
      await reader.catchUp()
      const isNew = reader.release === founder.release + 1
      t.ok(isNew || reader.release === founder.release, `${answers}: release ${reader.release}`)
      seen[isNew ? 'new' : 'old']++
      if (isNew) contents = next
      founder.release = reader.release
      founder.targetsVersion = reader.targetsVersion
      for (const content of Object.values(contents)) {
        const response = await fetch(`${service.url}/site/objects/${digestOf(content)}`)
        t.equal(digestOf(new Uint8Array(await response.arrayBuffer())), digestOf(content))
      }
      const { findings } = await checkStore({ directory })
      t.same(
        findings.filter((finding) => finding.severity === 'error'),
        [],
      )
    }
    t.comment(`${answersBefore.length} kills: ${seen.old} old, ${seen.new} new`)
    const last = new RawPublisher(service, 'site', founder)
    await last.publish({ a: 'the last word' })
    t.equal(await last.headRelease(), founder.release + 1)
    const incoming = path.join(directory, 'incoming')
    t.same(existsSync(incoming) ? readdirSync(incoming) : [], [], 'nothing is left under way')
  },
)
