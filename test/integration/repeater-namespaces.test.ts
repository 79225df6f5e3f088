import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { createRepeaterToken } from '../../transmitter/index.ts'
import { NamespaceNetwork, whyNoNamespaces } from '../support/network-namespaces.ts'

// Commands are processes, and links are slow on purpose.
t.setTimeout(180_000)

const why = whyNoNamespaces()
const skip = why === undefined ? false : `no network namespaces here: ${why}`
const blobBytes = 400_000

async function openNetwork(t: { teardown(end: () => unknown): void }) {
  const root = await mkdtemp(path.join(os.tmpdir(), 'lw-namespaces-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const network = new NamespaceNetwork()
  t.teardown(() => network[Symbol.dispose]())
  const [originAt, eastAt, westAt, proxyAt] = ['origin', 'east', 'west', 'proxy'].map((host) =>
    network.addHost(host),
  )
  network.addHost('tuner')
  const home = path.join(root, 'home')
  const origin = await network.serve('origin', home, [
    ...['transmitter', 'start', '--listen', `${originAt}:5282`],
  ])
  const base = path.join(root, 'base')
  await mkdir(base)
  const [east, west] = [`http://${eastAt}:5284`, `http://${westAt}:5284`]
  const data = path.join(home, 'transmitter')
  const publishToken = (await readFile(path.join(data, 'publish-token'), 'utf8')).trim()
  /** What `publish` says of the repeaters. */
  const publish = async (number: number, waitSeconds: number) => {
    await writeFile(path.join(base, 'number.txt'), `release ${number}`)
    await writeFile(path.join(base, 'blob.bin'), randomBytes(blobBytes))
    const { code, stdout, stderr } = await network.run('origin', home, [
      ...['publish', base, `${origin}/site`, '--token', publishToken, '--json'],
      ...['--repeater', east, '--repeater', west, '--assign', 'round-robin'],
      ...['--wait', String(waitSeconds)],
    ])
    if (code !== 0) throw new Error(stderr)
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as {
      readonly link: string
      readonly repeaters?: readonly { readonly url: string; readonly state: string }[]
    }
  }
  const { link } = await publish(1, 0)
  for (const [host, url] of [
    ['east', east],
    ['west', west],
  ] as const) {
    const { token } = await createRepeaterToken({ directory: data, channels: '*' })
    await network.serve(host, path.join(root, host), [
      ...['repeater', 'start', '--origin', origin, '--token', token, '--public-url', url],
      ...['--listen', new URL(url).host],
    ])
  }
  const proxy = await network.serve('proxy', path.join(root, 'proxy'), [
    ...['proxy', 'start', '--origin', origin, '--listen', `${proxyAt}:5283`],
  ])
  const served = async (url: string, release: number): Promise<void> => {
    for (;;) {
      const text = await network.fetch('tuner', `${url}/-/status`)
      if (text?.includes(`"release":${release},"head":${release}`) === true) return
    }
  }
  const update = (name: string, args: readonly string[] = ['update']) =>
    network.run('tuner', path.join(root, name), args)
  const number = (name: string): Promise<string> => {
    const current = path.join(root, name, 'tuner', 'channels', 'site', 'current')
    return readFile(path.join(current, 'number.txt'), 'utf8')
  }
  return {
    network,
    origin,
    originAt: originAt ?? '',
    westAt: westAt ?? '',
    east,
    west,
    proxy,
    link,
    publish,
    served,
    update,
    number,
  }
}

t.test('C61 C67 R35 R36: repeaters and a proxy over slow and cut links', { skip }, async (t) => {
  const stage = await openNetwork(t)
  const { network, east, west, proxy, link, publish, served, update, number } = stage
  await served(east, 1)
  await served(west, 1)
  for (const name of ['one', 'two']) {
    t.equal((await update(name, ['subscribe', link])).code, 0)
  }
  t.equal((await update('proxied', ['subscribe', link, '--proxy', proxy])).code, 0)
  const { stdout } = await update('proxied', ['status'])
  t.notMatch(stdout, /Repeater/, 'who has a proxy goes through it alone')

  // 400 kB take 3 s, the wait of the publisher is 2 s.
  network.slow('east', '1mbit')
  const second = await publish(2, 2)
  const stateOf = (url: string) => second.repeaters?.find((one) => one.url === url)?.state
  t.equal(stateOf(west), 'ready')
  t.equal(stateOf(east), 'lagging', 'who is on the slow link is not waited for longer')
  t.equal((await update('two')).code, 0, 'the other one updates past the slow link')
  t.equal(await number('two'), 'release 2')
  network.fast('east')
  await served(east, 2)
  t.equal((await update('one')).code, 0, 'behind the slow link it is the old release or the new')
  t.equal(await number('one'), 'release 2')

  network.cut('west')
  // A silent host costs a tuner 15 seconds; here it is told at once that there is no way.
  network.block('tuner', stage.westAt)
  const third = await publish(3, 1)
  t.equal(third.repeaters?.find((one) => one.url === west)?.state === 'ready', false)
  t.equal((await update('two')).code, 0, 'a cut link: the tuner finds a substitute')
  t.equal(await number('two'), 'release 3')

  network.block('proxy', stage.originAt)
  const poll = `${proxy}/-/via/${encodeURIComponent(stage.origin)}/site/trust/timestamp.json`
  const answer = await network.fetch('tuner', poll)
  t.ok(answer === undefined || answer.includes('LW_PROXY_'), 'nothing old is told as new')
  network.unblock('proxy', stage.originAt)
  t.equal((await update('proxied')).code, 0)
  t.equal(await number('proxied'), 'release 3')
})
