/**
 * `npm run bench [-- --rounds N --seconds S --out FOLDER]`: Weft beside Docker Swarm's overlay, Docker's own macvlan and
 * the bare underlay, in one interleaved run on a lab of its own. Prints tables with ratios and the targets, and writes
 * benchmarks.json and benchmarks.svg into the folder (default docs).
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bringUp, takeDown } from '../../cli/src/lab/index.ts'
import { measureAllocations } from './allocate.ts'
import { measureAttach } from './attach.ts'
import { measureControlPlane } from './control-plane.ts'
import { measureDataPlane } from './data-plane.ts'
import { NETWORKS } from './networks.ts'
import { type Quantity, svg, type Target, table } from './report.ts'
import { median, pairedRatio } from './statistics.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
    out: { type: 'string', default: join(import.meta.dirname, '../../docs') },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const LAB = 'bench'

const stop = new AbortController()
process.once('SIGINT', () => stop.abort())
const lab = await bringUp({ name: LAB, signal: stop.signal, onProgress: ({ step }) => console.error(step) })
try {
  // Before the engines are members of a Swarm, which slows their own network create.
  console.error('control plane')
  const control = await measureControlPlane(lab, rounds * 2)
  for (const network of NETWORKS) await network.make(lab)
  const onRound = (round: number) => console.error(`data plane: round ${round} of ${rounds}`)
  const dataPlane = await measureDataPlane(lab, NETWORKS, { rounds, seconds, onRound })
  console.error('attach')
  const starts = await measureAttach(lab, NETWORKS, rounds * 2)
  console.error('allocations')
  const allocations = await measureAllocations()
  report(quantities(dataPlane, starts, control, allocations))
} finally {
  await takeDown(LAB)
}

function quantities(
  dataPlane: Awaited<ReturnType<typeof measureDataPlane>>,
  starts: Awaited<ReturnType<typeof measureAttach>>,
  control: Awaited<ReturnType<typeof measureControlPlane>>,
  allocations: Awaited<ReturnType<typeof measureAllocations>>,
): Quantity[] {
  const references = ['underlay', 'Swarm overlay']
  const none = starts.none ?? []
  const attach = Object.fromEntries(
    Object.entries(starts)
      .filter(([label]) => label !== 'none')
      .map(([label, samples]) => [label, samples.map((sample, round) => sample - (none[round] ?? Number.NaN))]),
  )
  const made = { 'Weft, 2 hosts': control.createToAppliedMs, 'floor (etcd + NATS)': control.floorMs }
  return [
    { title: 'One TCP stream', unit: 'Gbit/s', better: 'higher', samples: dataPlane.tcp, references },
    { title: 'Request latency', unit: 'us', better: 'lower', samples: dataPlane.latency, references },
    { title: '64-byte packets', unit: 'kpps', better: 'higher', samples: dataPlane.packets, references },
    { title: 'Attach', unit: 'ms', better: 'lower', samples: attach, references: ['Swarm overlay', 'Docker bridge'] },
    { title: 'Create to applied', unit: 'ms', better: 'lower', samples: made, references: ['floor (etcd + NATS)'] },
    { title: 'Allocations', unit: '1/s', better: 'higher', samples: allocations, references: ['raw etcd, one a txn'] },
  ]
}

function report(all: readonly Quantity[]): void {
  for (const quantity of all) console.log(`${table(quantity)}\n`)
  const targets = judge(all)
  for (const { what, value, wanted, met } of targets) {
    console.log(`${met ? 'met   ' : 'MISSED'} ${what}: ${value.toFixed(2)} (target ${wanted})`)
  }
  const host = { cores: 2, rounds, seconds, date: new Date().toISOString() }
  writeFileSync(join(values.out, 'benchmarks.json'), `${JSON.stringify({ host, quantities: all, targets }, null, 1)}\n`)
  writeFileSync(join(values.out, 'benchmarks.svg'), svg(all))
}

/** The targets of the design, section 12, as same-round ratios. */
function judge(all: readonly Quantity[]): Target[] {
  const [tcp, latency, packets, attach, create, allocations] = all.map((quantity) => quantity.samples)
  const ratio = (samples: Quantity['samples'] | undefined, label: string, reference: string) =>
    pairedRatio(samples?.[label] ?? [], samples?.[reference] ?? [])
  const atLeast = (what: string, value: number, limit: number): Target => ({
    what,
    value,
    wanted: `>= ${limit}`,
    met: value >= limit,
  })
  const atMost = (what: string, value: number, limit: number): Target => ({
    what,
    value,
    wanted: `<= ${limit}`,
    met: value <= limit,
  })
  const overlays = ['Weft overlay (bridge)', 'Weft overlay (macvlan)']
  return [
    ...overlays.flatMap((label) => [
      atLeast(`${label}: TCP x Swarm`, ratio(tcp, label, 'Swarm overlay'), 1.15),
      atMost(`${label}: latency x Swarm`, ratio(latency, label, 'Swarm overlay'), 0.8),
      atLeast(`${label}: packets x Swarm`, ratio(packets, label, 'Swarm overlay'), 1.5),
      atMost(`${label}: attach x Swarm`, ratio(attach, label, 'Swarm overlay'), 0.25),
      atMost(`${label}: attach x Docker bridge`, ratio(attach, label, 'Docker bridge'), 0.5),
    ]),
    atLeast('Weft macvlan: TCP x underlay', ratio(tcp, 'Weft macvlan', 'underlay'), 0.98),
    atMost('create to applied x floor', ratio(create, 'Weft, 2 hosts', 'floor (etcd + NATS)'), 3),
    atLeast('allocations a second, 64 in flight', median(allocations?.['Weft, 64 in flight'] ?? []), 5000),
  ]
}
