// One act of the tuner in a process that ends at one of its operations; kill-sweep and power-cut
// start it. Exits with 0 when the act came to its end before that.
import { readFileSync } from 'node:fs'
import { nodeFileSystem } from '../../store/durable-files/index.ts'
import { SignedChannel } from '../support/signed-channel.ts'
import { EndingFileSystem, type Ending } from './ending-file-system.ts'
import { type TunerAct, TunerBench } from './tuner-bench.ts'

const [act = '', channel = '', root = '', at = '', ending = '', mount = ''] = process.argv.slice(2)
if (root === '') throw new TypeError('usage: ACT CHANNEL-FILE ROOT AT ENDING MOUNT')
const bench = new TunerBench(act as TunerAct, SignedChannel.thaw(readFileSync(channel, 'utf8')))
const plan = { at: Number(at), ending: ending as Ending, mount }
await bench.act({ fs: new EndingFileSystem(nodeFileSystem, plan), root })
