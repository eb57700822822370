/** `weft trace`: the way as the records have it, then both ends are asked, and the way is tried. */
import { type DoctorFinding, type HostStatus, type TraceCall, type TraceView, WeftError } from '@weft/shared'
import type { AskHost } from '../ask-host.ts'
import { hostOfContainer } from '../connect.ts'
import { type ClusterView, isAlive } from '../domain/index.ts'
import { type Judgement, judge, type Told } from './judge.ts'
import { endpointsOfContainer, labelOf, obstacles, type Way, type Ways, waysToAddress, waysToContainer } from './way.ts'

export interface TraceOptions {
  readonly view: () => ClusterView
  readonly askHost: AskHost
  readonly hosts: () => readonly HostStatus[]
}

const END_MS = 4_000
const TRY_MS = 7_000
/** Ways that are tried, side by side: two families in each of a few networks. */
const MOST_WAYS = 8

/**
 * Bounded by the deadlines of its requests: 15 s, and 6 more where containers are on no network of ours.
 * @throws `not_found`, `conflict` and `unavailable` for a container as {@link hostOfContainer}
 */
export async function trace(options: TraceOptions, call: TraceCall): Promise<TraceView> {
  const near = await hostOfContainer(options, call.from.container, call.from.host)
  const labels = { from: labelOf(call.from, near), to: '' }
  let found: Ways
  if ('address' in call.to) {
    labels.to = call.to.address
    const from = endpointsOfContainer(options.view(), near, call.from.container)
    found =
      from.length === 0
        ? waysToContainer(options.view(), from, [], labels)
        : waysToAddress(options.view(), from, call.to.address, labels)
  } else {
    const far = await hostOfContainer(options, call.to.container, call.to.host)
    labels.to = labelOf(call.to, far)
    const view = options.view()
    const [from, to] = [
      endpointsOfContainer(view, near, call.from.container),
      endpointsOfContainer(view, far, call.to.container),
    ]
    found = waysToContainer(view, from, to, labels)
  }
  const tried = await Promise.all(found.ways.slice(0, MOST_WAYS).map((way) => tryWay(options, way, call.port)))
  const lost = tried.find(({ judgement }) => judgement?.lost === true)?.way
  return {
    ...labels,
    reached: tried.length > 0 && tried.every(({ judgement }) => judgement?.reached === true),
    ...(lost?.to === undefined ? {} : { between: [lost.from.host, lost.to.host] as [string, string] }),
    findings: [...found.findings, ...tried.flatMap(({ findings }) => findings)],
  }
}

interface Tried {
  readonly way: Way
  readonly findings: readonly DoctorFinding[]
  /** Absent where it was not tried, for what the records tell. */
  readonly judgement?: Judgement
}

async function tryWay(options: TraceOptions, way: Way, port: number | undefined): Promise<Tried> {
  const view = options.view()
  const { from, to, address } = way
  const against = obstacles(view, way)
  const about = [...following(options.hosts(), way), ...against]
  if (!isAlive(view, from.host) || against.some(({ check }) => check === 'container')) return { way, findings: about }
  const end = async (of: Way['from']) => {
    const request = { endpoint: of.uid, ...(port === undefined ? {} : { port }) }
    return await told(options.askHost(of.host, 'trace-end', request, END_MS))
  }
  const [near, before] = await Promise.all([end(from), to === undefined ? undefined : end(to)])
  const request = { endpoint: from.uid, address, ...(port === undefined ? {} : { port }) }
  const tried = await told(options.askHost(from.host, 'trace-try', request, TRY_MS))
  const far = to === undefined || before === undefined ? undefined : { before, after: await end(to) }
  const judgement = judge({ way, port, near, far, tried })
  // What the records forbid is why it fails: what follows from that is not told as another fault.
  const isForbidden = against.some(({ severity }) => severity === 'error')
  const findings = isForbidden ? judgement.findings.filter(({ severity }) => severity === 'ok') : judgement.findings
  return { way, findings: [...about, ...findings], judgement: isForbidden ? { ...judgement, lost: false } : judgement }
}

async function told<T>(answer: Promise<T>): Promise<Told<T>> {
  try {
    return { told: await answer }
  } catch (thrown) {
    return { why: WeftError.from(thrown).message }
  }
}

/** What the hosts of the ends say of themselves: problems with the network, and changes that they have not followed. */
function following(hosts: readonly HostStatus[], { network, from, to }: Way): DoctorFinding[] {
  const ends = new Set([from.host, ...(to === undefined ? [] : [to.host])])
  return hosts
    .filter(({ id, alive }) => ends.has(id) && alive)
    .flatMap(({ id, problems, converged }): DoctorFinding[] => {
      const own = problems.filter((problem) => problem.network === undefined || problem.network === network.uid)
      const told = own.slice(0, 5).map(
        ({ message, remedy }): DoctorFinding => ({
          check: 'host',
          severity: 'warn',
          hosts: [id],
          measured: message.slice(0, 2000),
          ...(remedy === undefined ? {} : { remedy: remedy.slice(0, 1000) }),
        }),
      )
      if (told.length > 0 || converged) return told
      return [
        {
          check: 'host',
          severity: 'warn',
          hosts: [id],
          measured: `${id} has not followed all changes yet`,
          remedy: 'weft status --wait',
        },
      ]
    })
}
