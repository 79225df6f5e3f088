import fc from 'fast-check'
import t from 'tap'
import {
  type AssignmentMember,
  chooseRepeater,
  zoneDistance,
} from '../../transmitter/repeaters/index.ts'
import { zoneMinutes } from '../../protocol/index.ts'

function member(zone: string | undefined, load = 0, isUsable = true): AssignmentMember {
  return { url: `http://${zone ?? 'none'}`, zoneMinutes: zoneMinutes(zone), load, isUsable }
}

const cities = {
  honolulu: '-10:00',
  losAngeles: '-08:00',
  stJohns: '-03:30',
  london: '+00:00',
  delhi: '+05:30',
  kathmandu: '+05:45',
  tokyo: '+09:00',
  auckland: '+12:00',
} as const

const members = Object.values(cities).map((zone) => member(zone))

function nearest(zone: string): string | null {
  return chooseRepeater({
    policy: 'time-zone',
    members,
    zoneMinutes: zoneMinutes(zone),
    before: undefined,
    failed: undefined,
  })
}

/** Each standard offset in use, and the repeater that is nearest around the globe. */
const table: readonly (readonly [string, keyof typeof cities])[] = [
  ['-12:00', 'auckland'],
  // One hour from Honolulu, one from Auckland across the date line: the publisher's order decides.
  ['-11:00', 'honolulu'],
  ['-10:00', 'honolulu'],
  ['-09:30', 'honolulu'],
  ['-09:00', 'honolulu'],
  ['-08:00', 'losAngeles'],
  ['-07:00', 'losAngeles'],
  ['-06:00', 'losAngeles'],
  ['-05:00', 'stJohns'],
  ['-04:00', 'stJohns'],
  ['-03:30', 'stJohns'],
  ['-03:00', 'stJohns'],
  ['-02:00', 'stJohns'],
  ['-01:00', 'london'],
  ['+00:00', 'london'],
  ['+01:00', 'london'],
  ['+02:00', 'london'],
  ['+03:00', 'delhi'],
  ['+03:30', 'delhi'],
  ['+04:00', 'delhi'],
  ['+04:30', 'delhi'],
  ['+05:00', 'delhi'],
  ['+05:30', 'delhi'],
  ['+05:45', 'kathmandu'],
  ['+06:00', 'kathmandu'],
  ['+06:30', 'kathmandu'],
  ['+07:00', 'kathmandu'],
  ['+08:00', 'tokyo'],
  ['+08:45', 'tokyo'],
  ['+09:00', 'tokyo'],
  ['+09:30', 'tokyo'],
  ['+10:00', 'tokyo'],
  ['+10:30', 'tokyo'],
  ['+11:00', 'auckland'],
  ['+12:00', 'auckland'],
  ['+12:45', 'auckland'],
  ['+13:00', 'honolulu'],
  ['+14:00', 'honolulu'],
]

t.test('C65: the nearest zone, with half hours and the date line', async (t) => {
  for (const [zone, city] of table) t.equal(nearest(zone), `http://${cities[city]}`, zone)
})

t.test('C65: the distance goes around the globe', async (t) => {
  t.equal(zoneDistance(13 * 60, -11 * 60), 0, 'the same hour of another day')
  t.equal(zoneDistance(12 * 60, -12 * 60), 0)
  t.equal(zoneDistance(-11 * 60, 12 * 60), 60)
  t.equal(zoneDistance(14 * 60, -9 * 60 - 30), 30)
  const offset = fc.integer({ min: -12 * 60, max: 14 * 60 })
  fc.assert(
    fc.property(offset, offset, (a, b) => {
      const distance = zoneDistance(a, b)
      t.ok(distance >= 0 && distance <= 12 * 60 && distance === zoneDistance(b, a))
    }),
  )
})

t.test('C65: equally near ones share, and one without a zone is the last resort', async (t) => {
  const question = { policy: 'time-zone', zoneMinutes: 60, before: undefined } as const
  const twins = [member('+00:00', 5), member('+02:00', 4)]
  t.equal(chooseRepeater({ ...question, members: twins, failed: undefined }), 'http://+02:00')
  const far = [member(undefined, 0), member('-11:00', 100)]
  t.equal(chooseRepeater({ ...question, members: far, failed: undefined }), 'http://-11:00')
  t.equal(chooseRepeater({ ...question, members: far, failed: 'http://-11:00' }), 'http://none')
})

t.test('C64: round-robin keeps loads within one of even, whatever the order', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 0, max: 60 }),
      (count, tuners) => {
        const loads = new Map(Array.from({ length: count }, (_, at) => [`http://r${at}`, 0]))
        for (let tuner = 0; tuner < tuners; tuner++) {
          const chosen = chooseRepeater({
            policy: 'round-robin',
            members: [...loads].map(([url, load]) => ({
              url,
              load,
              zoneMinutes: undefined,
              isUsable: true,
            })),
            zoneMinutes: undefined,
            before: undefined,
            failed: undefined,
          })
          loads.set(chosen ?? '', (loads.get(chosen ?? '') ?? 0) + 1)
        }
        const values = [...loads.values()]
        t.ok(Math.max(...values) - Math.min(...values) <= 1)
      },
    ),
    { numRuns: 50 },
  )
})

t.test('C67: who has a repeater keeps it while it is usable', async (t) => {
  const three = [member('+01:00', 9), member('+02:00', 0), member('+03:00', 1)]
  const question = { policy: 'round-robin', members: three, zoneMinutes: undefined } as const
  const before = 'http://+01:00'
  t.equal(chooseRepeater({ ...question, before, failed: undefined }), before)
  t.equal(chooseRepeater({ ...question, before, failed: before }), 'http://+02:00')
  const lagging = [member('+01:00', 9, false), ...three.slice(1)]
  t.equal(
    chooseRepeater({ ...question, members: lagging, before, failed: undefined }),
    'http://+02:00',
  )
  const unlisted = 'http://elsewhere'
  t.equal(chooseRepeater({ ...question, before: unlisted, failed: undefined }), 'http://+02:00')
  const none = three.map((each) => ({ ...each, isUsable: false }))
  t.equal(chooseRepeater({ ...question, members: none, before, failed: undefined }), null)
})
