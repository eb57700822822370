/** `weft trace`: the way as the records have it, then both ends are asked, and the way is tried. */
import { type DoctorFinding, type HostStatus, type TraceCall, type TraceView, WeftError } from '@weft/shared'
import type { AskHost } from '../ask-host.ts'
import { hostOfContainer } from '../connect.ts'
import { type ClusterView, isAlive } from '../domain/index.ts'
import { type Judgement, judge, type Told } from './judge.ts'
import { obstacles } from './obstacles.ts'
import { type Place, placeText, type Way, waysTo } from './way.ts'

export interface TraceOptions {
  readonly view: () => ClusterView
  readonly askHost: AskHost
  readonly hosts: () => readonly HostStatus[]
}

const END_MS = 4_000
const TRY_MS = 7_000
/** Ways that are tried: two families in each of two networks, or one in more. */
const MOST_WAYS = 4

/**
 * Bounded by the deadlines of its requests: 15 s where an agent does not answer.
 * @throws `not_found`, `conflict` and `unavailable` for a container as {@link hostOfContainer}
 */
export async function trace(options: TraceOptions, call: TraceCall): Promise<TraceView> {
  const placed = async ({ container, host }: TraceCall['from']): Promise<Place> => ({
    container,
    host: await hostOfContainer(options, container, host),
  })
  const from = await placed(call.from)
  const to = 'address' in call.to ? call.to.address : await placed(call.to)
  const found = waysTo(options.view(), from, to)
  const tried: Tried[] = []
  // One after the other: what comes to a sandbox is counted for all of them together.
  for (const way of found.ways.slice(0, MOST_WAYS)) {
    const last = await tryWay(options, way, call.port)
    tried.push(last)
    if (last.isUnheard === true) break
  }
  const lost = tried.find(({ judgement }) => judgement?.lost === true)?.way
  return {
    from: placeText(from),
    to: typeof to === 'string' ? to : placeText(to),
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
  /** The agent that was to try it did not answer. */
  readonly isUnheard?: boolean
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
  return {
    way,
    findings: [...about, ...findings],
    judgement: isForbidden ? { ...judgement, lost: false } : judgement,
    isUnheard: 'why' in tried,
  }
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
