/** `weft doctor`: asks hosts for their own checks, lets pairs of hosts probe each other, and adds what only we can tell. */
import {
  type DoctorCall,
  type DoctorFinding,
  type DoctorRequest,
  type DoctorView,
  MOST_DOCTOR_WIRES,
  WeftError,
} from '@weft/shared'
import type { AskHost } from '../ask-host.ts'
import { type ClusterView, type DomainDeps, hostByRef, isAlive, recordPath } from '../domain/index.ts'
import { freeVnis, probeEnds, wiresOf } from './plan.ts'
import { judgeRecords } from './records.ts'
import { examineServices, type ServicesOptions } from './services.ts'

export interface DoctorOptions {
  readonly deps: DomainDeps
  readonly askHost: AskHost
  readonly services: ServicesOptions
}

const HOST_MS = 9_000
const LISTEN_MS = 7_000
const PROBE_MS = 10_000
const CLOSE_MS = 2_000
const PROBE_ID_LENGTH = 12
/** Probe numbers and VNIs of two doctors at once are apart by chance. */
const SEED_DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'

/** Bounded by the deadlines of its requests, which run at once: 20 s. @throws `not_found` for a host that there is not */
export async function examine(options: DoctorOptions, call: DoctorCall): Promise<DoctorView> {
  const { deps } = options
  const view = deps.cluster.current()
  const all = [...view.hosts.keys()].sort()
  for (const ref of [...(call.hosts ?? []), ...(call.pairs ?? []).flat()]) hostByRef(view, ref)
  const hosts = [...new Set(call.hosts ?? all)]
  const pairs = call.pairs ?? []
  const seed = seedOf(deps.randomText(4))
  const vnis = freeVnis(view, pairs.length, seed)
  const whole = call.hosts === undefined
  const found = await Promise.all([
    whole ? examineServices(options.services) : [],
    ...hosts.map((host) => examineHost(options, view, host)),
    ...pairs.map((pair, index) => examinePair(options, view, pair, { number: seed + index, vni: vnis[index] ?? 1 })),
  ])
  const own = whole ? [...twins(view), ...judgeRecords(view)] : []
  return { hosts: all.map((id) => ({ id, alive: isAlive(view, id) })), findings: [...own, ...found.flat()] }
}

function seedOf(text: string): number {
  return [...text].reduce((sum, digit) => sum * SEED_DIGITS.length + Math.max(0, SEED_DIGITS.indexOf(digit)), 0)
}

/** Hosts that name one VTEP, as their records tell; agents see only what answers. */
function twins(view: ClusterView): DoctorFinding[] {
  const byAddress = Map.groupBy(view.facts, ([, { value }]) => value.facts.underlay.address)
  return [...byAddress].flatMap(([address, records]): DoctorFinding[] => {
    const [first, second] = records.map(([host]) => host)
    if (first === undefined || second === undefined) return []
    return [
      {
        check: 'identity',
        severity: 'error',
        hosts: [first, second],
        measured: `${records.map(([host]) => host).join(', ')} have one VTEP, ${address}`,
        why: 'what is sent to the one arrives at the other, at random',
        remedy: 'give one of them another address, and name it with weft agent --vtep ADDRESS',
      },
    ]
  })
}

async function examineHost(
  { deps, askHost }: DoctorOptions,
  view: ClusterView,
  host: string,
): Promise<DoctorFinding[]> {
  if (!isAlive(view, host)) return [silent(host)]
  const addresses = [...view.facts].map(([id, { value }]) => [id, value.facts.underlay.address] as const)
  const peers = Object.fromEntries(addresses.filter(([id]) => id !== host))
  const request = { do: 'host', sentMs: deps.clock.now(), peers, endpoints: view.endpoints.size } as const
  try {
    return (await askHost(host, 'doctor', request, HOST_MS)).findings
  } catch (thrown) {
    return [unheard(host, WeftError.from(thrown))]
  }
}

async function examinePair(
  { deps, askHost }: DoctorOptions,
  view: ClusterView,
  pair: readonly [string, string],
  place: { number: number; vni: number },
): Promise<DoctorFinding[]> {
  const about = { check: 'pair', hosts: [...pair] }
  const silentOne = pair.find((host) => !isAlive(view, host))
  if (silentOne !== undefined) return [{ ...about, severity: 'skipped', measured: `${silentOne} is silent` }]
  const ends = probeEnds(view, pair, { id: deps.randomText(PROBE_ID_LENGTH), ...place })
  if (ends === undefined) return [{ ...about, severity: 'skipped', measured: 'a VTEP is not known' }]
  const [asks, answers] = pair
  const tell = async (host: string, request: DoctorRequest, withinMs: number) =>
    (await askHost(host, 'doctor', request, withinMs)).findings
  const skipped =
    (what: string) =>
    (thrown: unknown): DoctorFinding[] => [
      { ...about, severity: 'skipped', measured: `${what}: ${WeftError.from(thrown).message}`.slice(0, 2000) },
    ]
  try {
    await tell(answers, { do: 'listen', probe: ends.answers }, LISTEN_MS)
  } catch (thrown) {
    return skipped('could not be tried')(thrown)
  }
  const found = await tell(asks, { do: 'probe', probe: ends.asks }, PROBE_MS).catch(skipped('could not be tried'))
  const close = { do: 'close', id: ends.answers.id } as const
  const closed = await tell(answers, close, CLOSE_MS).catch(skipped(`${answers} goes on listening for a few seconds`))
  const kept = await keepPath(deps, pair, found).then(() => [], skipped('the size of packets is not remembered'))
  return [...found, ...closed, ...kept, ...leftOut(view, pair)]
}

/** Wires beyond those that a probe tries. */
function leftOut(view: ClusterView, pair: readonly [string, string]): DoctorFinding[] {
  const parents = wiresOf(view)
    .slice(MOST_DOCTOR_WIRES)
    .map(({ parent }) => parent)
  if (parents.length === 0) return []
  const measured = `not tried, being more than ${MOST_DOCTOR_WIRES}: ${parents.join(', ')}`.slice(0, 2000)
  return [{ check: 'wire', severity: 'skipped', hosts: [...pair], measured }]
}

/** Networks made from now on go by what was measured. */
async function keepPath(
  deps: DomainDeps,
  pair: readonly [string, string],
  found: readonly DoctorFinding[],
): Promise<void> {
  const path = found.find((finding) => finding.path !== undefined)?.path
  if (path !== undefined) await recordPath(deps, pair, path)
}

function silent(host: string): DoctorFinding {
  return {
    check: 'agent',
    severity: 'error',
    hosts: [host],
    measured: `the agent of ${host} does not report`,
    why: 'the host follows no change, and its new containers get no address',
    remedy: `on ${host}: systemctl status weft-agent; journalctl -u weft-agent -n 50`,
  }
}

/** It reports, and so reaches us; we do not reach it. */
function unheard(host: string, { code, message }: WeftError): DoctorFinding {
  return {
    check: 'agent',
    severity: 'error',
    hosts: [host],
    measured: `the agent of ${host} cannot be asked over NATS [${code}]: ${message}`.slice(0, 2000),
    why: 'it reports over HTTP alone: changes reach it late, and the doctor cannot look',
    remedy: `on ${host}: see that weft agent --nats names a server that it reaches (TCP 4222): journalctl -u weft-agent -n 50`,
  }
}
