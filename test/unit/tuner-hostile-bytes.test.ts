import t from 'tap'
import { LongwaveError, parseChannelAddress } from '../../protocol/index.ts'
import { MemoryFileSystem } from '../faults/memory-file-system.ts'
import { tunerContextAt } from '../faults/tuner-bench.ts'
import { workloads } from '../faults/update-workloads.ts'
import { channelUrl } from '../support/memory-channel.ts'
import { memoryTransport } from '../support/memory-transport.ts'
import { type ChannelRoute, SignedChannel } from '../support/signed-channel.ts'
import { readTreeOf, sameTree, treeOf } from '../support/tree-state.ts'
import type { Transport } from '../../transport/index.ts'
import { subscribe, updateSubscription } from '../../tuner/operations/index.ts'

/** Every body that an update takes is cut or flipped at so many places. */
const placesOfBody = 24

type Damage = (bytes: Uint8Array, place: number) => Uint8Array

const damages: Readonly<Record<string, Damage>> = {
  'R23 cut': (bytes, place) => bytes.subarray(0, Math.floor((bytes.length * place) / placesOfBody)),
  'R24 flipped': (bytes, place) => {
    const changed = Buffer.from(bytes)
    const bit = Math.floor((bytes.length * 8 * (place + 0.37)) / placesOfBody)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return changed
  },
}

/** A tuner at release 1 over a network whose bodies may be damaged. */
async function besiege(route: ChannelRoute) {
  const workload = workloads.find((one) => one.route === route)
  if (workload === undefined) throw new Error(`no workload travels as ${route}`)
  const { before, between, after } = workload
  const trees = between === undefined ? [before, after] : [before, between, after]
  const channel = await SignedChannel.make(trees, route)
  const place = { fs: new MemoryFileSystem(), root: '/lw' }
  await place.fs.mkdir('/lw')
  await place.fs.mkdir('/lw/home')
  await place.fs.mkdir('/lw/home/tuner')
  const address = parseChannelAddress(`${channelUrl}#${channel.channelId}`)
  await subscribe(tunerContextAt(place, memoryTransport(channel.pagesAt(1))), { address })
  const asked = new Set<string>()
  const honest = memoryTransport(channel.pagesAt(channel.last))
  const attack = async (url: string | undefined, harm: (bytes: Uint8Array) => Uint8Array) => {
    const fs = place.fs.clone()
    const damaging = (asking: string, bytes: Uint8Array): Buffer => {
      asked.add(asking)
      return Buffer.from(asking === url ? harm(bytes) : bytes)
    }
    const transport: Transport = {
      ...honest,
      async fetchBytes(asking, options) {
        const answer = await honest.fetchBytes(asking, options)
        if (answer.status !== 200) return answer
        return { ...answer, bytes: damaging(String(asking), answer.bytes) }
      },
      fetchToSink: (asking, options) =>
        honest.fetchToSink(asking, {
          ...options,
          sink: {
            ...options.sink,
            write: async (bytes) => options.sink.write(damaging(String(asking), bytes)),
          },
        }),
    }
    const context = tunerContextAt({ fs, root: '/lw' }, transport)
    const [subscription] = await context.subscriptions.list()
    if (subscription === undefined) throw new Error('subscribed')
    const error = await updateSubscription(context, subscription).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    const current = await fs.realpath('/lw/home/tuner/channels/demo/current')
    return { error, tree: await readTreeOf(fs, current) }
  }
  await attack(undefined, (bytes) => bytes)
  const head = channel.releases[channel.last - 1]?.manifest
  const held = channel.releases[0]?.manifest
  if (head === undefined || held === undefined) throw new Error('there are releases')
  return { attack, asked: [...asked], old: treeOf(held), next: treeOf(head) }
}

for (const route of ['whole', 'bundle', 'chain', 'differences'] as const) {
  for (const [name, damage] of Object.entries(damages)) {
    t.test(`${name} anywhere, ${route}: nothing wrong is ever accepted`, async (t) => {
      const { attack, asked, old, next } = await besiege(route)
      let refused = 0
      let survived = 0
      const wrong: string[] = []
      for (const url of asked) {
        for (let place = 0; place < placesOfBody; place++) {
          const { error, tree } = await attack(url, (bytes) => damage(bytes, place))
          if (error === undefined && sameTree(tree, next)) survived++
          else if (!(error instanceof LongwaveError)) wrong.push(`${url} at ${place}: ${error}`)
          else if (!sameTree(tree, old)) wrong.push(`${url} at ${place}: the folder was touched`)
          else if (![13, 75].includes(error.exit)) wrong.push(`${url}: ${error.code}`)
          else refused++
        }
      }
      t.comment(`${asked.length} bodies: ${refused} refused, ${survived} did without`)
      t.strictSame(wrong, [])
      t.ok(refused >= 3 * placesOfBody, 'metadata, at the least, cannot be done without')
    })
  }
}
