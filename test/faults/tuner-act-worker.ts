// One act of the tuner in a process that ends at one of its operations; kill-sweep and power-cut
// start it. Exits with 0 when the act came to its end before that.
import { nodeFileSystem } from '../../store/durable-files/index.ts'
import { EndingFileSystem, type Ending } from './ending-file-system.ts'
import { TunerBench, type TunerAct } from './tuner-sweeps.ts'
import { workloads } from './update-workloads.ts'

const [act = '', workload = '', root = '', at = '', ending = '', mount = ''] = process.argv.slice(2)
const chosen = workloads[Number(workload)]
if (chosen === undefined) throw new TypeError('usage: ACT WORKLOAD ROOT AT ENDING MOUNT')
const bench = await TunerBench.open({ act: act as TunerAct, workload: chosen })
const plan = { at: Number(at), ending: ending as Ending, mount }
await bench.act({ fs: new EndingFileSystem(nodeFileSystem, plan), root })
