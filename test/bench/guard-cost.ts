/**
 * `node --conditions=source test/bench/guard-cost.ts [--rounds N --seconds S]`: what the guards of containers' interfaces
 * cost, each way of attaching with spoof_check on and off, in one interleaved run on a lab of its own.
 */
import { parseArgs } from 'node:util'
import { bringUp, takeDown } from '../../cli/src/lab/index.ts'
import { DATA_PLANE_TESTS, measureDataPlane } from './data-plane.ts'
import { weft } from './networks.ts'
import { table } from './report.ts'

const WAYS = {
  overlay: [],
  direct: ['-o', 'attach=macvlan'],
  macvlan: ['-d', 'macvlan', '-o', 'parent=eth0'],
} as const
const TITLES = {
  tcp: { title: 'One TCP stream', unit: 'Gbit/s', better: 'higher' },
  latency: { title: 'Request latency', unit: 'us', better: 'lower' },
  packets: { title: '64-byte packets', unit: 'kpps', better: 'higher' },
} as const

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '9' }, seconds: { type: 'string', default: '1' } },
})
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
const LAB = 'guardcost'

const networks = Object.entries(WAYS).flatMap(([way, flags], index) =>
  (['off', 'on'] as const).map((check, which) => {
    const subnet = `10.9${index}.${which}.0/24`
    return weft(
      `${way}, ${check}`,
      `${way}-${check}`,
      '--internal',
      '--subnet',
      subnet,
      ...flags,
      '-o',
      `spoof_check=${check}`,
    )
  }),
)
const lab = await bringUp({ name: LAB })
try {
  for (const network of networks) await network.make(lab)
  const onRound = (round: number) => console.error(`round ${round} of ${rounds}`)
  const samples = await measureDataPlane(lab, networks, { rounds, seconds, onRound })
  for (const test of DATA_PLANE_TESTS) {
    const { underlay: _, ...all } = samples[test]
    for (const way of Object.keys(WAYS)) {
      const [off, on] = [`${way}, off`, `${way}, on`]
      const pair = { [off]: all[off] ?? [], [on]: all[on] ?? [] }
      console.log(`${table({ ...TITLES[test], samples: pair, references: [off] })}\n`)
    }
  }
} finally {
  await takeDown(LAB)
}
