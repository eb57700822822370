/** What a host says of its endpoints, written down; and, of a complete report, what it does not mention. */
import { type AgentReply, type AgentRequest, canonicalJson, type EndpointReport, WeftError } from '@weft/shared'
import type { Compare, KvOp } from '../store/kv.ts'
import { type DomainDeps, nowText } from './deps.ts'
import { requireFence } from './fence.ts'
import { commitAlone } from './group-commit.ts'
import { keys } from './pure/keys.ts'
import { decode, EndpointRecord, type HostRecord, type Stored } from './pure/records.ts'
import { withMarks } from './pure/reservations.ts'

/** Records changed in one transaction; each is one compare and one write. */
const BATCH = 60
const MOST_TRIES = 5

/**
 * Takes a report in. Only records that it changes are written. An endpoint of this host that a complete report leaves out
 * is marked missing, an endpoint reported again is unmarked; `sweep` acts on marks, after a grace.
 *
 * @returns the reported uids of which this host has no record
 * @throws `denied` (fence)
 */
export async function reportEndpoints(
  deps: DomainDeps,
  host: string,
  request: AgentRequest<'report'>,
): Promise<AgentReply<'report'>> {
  const fenced = await requireFence(deps, host, request)
  const reported = new Map(request.endpoints.map((report) => [report.uid, report]))
  const { known, unknown } = await findReported(deps, host, [...reported.keys()])
  const changes = known.flatMap((stored) => {
    const report = reported.get(stored.value.uid)
    return report === undefined ? [] : changed(stored, told(deps, report))
  })
  const missing = request.complete ? unmentioned(deps, fenced, reported) : []
  const all = [...changes, ...missing]
  for (let from = 0; from < all.length; from += BATCH) {
    await writeAll(deps, host, request, all.slice(from, from + BATCH))
  }
  return { unknown }
}

/** A record and what it should become, given whatever it is when it is written. */
interface Edit {
  readonly stored: Stored<EndpointRecord>
  readonly wanted: EndpointRecord
  readonly edit: (record: EndpointRecord) => EndpointRecord
}

async function findReported(
  deps: DomainDeps,
  host: string,
  uids: readonly string[],
): Promise<{ known: Stored<EndpointRecord>[]; unknown: string[] }> {
  // A cache that has not heard yet of an endpoint, or of its last report, would take this one for unknown or for no news.
  const view = await deps.cluster.newest()
  const known: Stored<EndpointRecord>[] = []
  const unknown: string[] = []
  for (const uid of uids) {
    const stored = view.endpoints.get(uid)
    if (stored?.value.host === host) known.push(stored)
    else unknown.push(uid)
  }
  return { known, unknown }
}

function told(deps: DomainDeps, report: EndpointReport): (now: EndpointRecord) => EndpointRecord {
  return (now) => {
    const { missing: _, ports: __, joinedEgress: ___, egress: ____, ...rest } = now
    const name = report.name ?? now.name
    const containerId = report.containerId ?? now.containerId
    const dockerEndpointId = report.dockerEndpointId ?? now.dockerEndpointId
    return withMarks(deps.cluster.current(), {
      ...rest,
      state: report.state,
      aliases: report.aliases,
      ...(name === undefined ? {} : { name }),
      ...(containerId === undefined ? {} : { containerId }),
      ...(dockerEndpointId === undefined ? {} : { dockerEndpointId }),
      ...(report.ports === undefined ? {} : { ports: report.ports }),
      ...wayOf(report, now),
    })
  }
}

/** An agent that lost its state file does not know at first what a running container was given; what it said before stands. */
function wayOf(report: EndpointReport, now: EndpointRecord): Pick<EndpointRecord, 'joinedEgress' | 'egress'> {
  const isForgotten = report.joinedEgress === undefined && report.state === 'attached' && now.state === 'attached'
  const { joinedEgress, egress } = isForgotten ? now : report
  return { ...(joinedEgress === undefined ? {} : { joinedEgress }), ...(egress === undefined ? {} : { egress }) }
}

function changed(stored: Stored<EndpointRecord>, edit: (record: EndpointRecord) => EndpointRecord): Edit[] {
  const wanted = edit(stored.value)
  if (canonicalJson(wanted) === canonicalJson(stored.value)) return []
  return [{ stored, wanted, edit }]
}

/** Endpoints of the host that the complete report leaves out, to be marked. A mark of this epoch stays as it is. */
function unmentioned(
  deps: DomainDeps,
  fenced: Stored<HostRecord>,
  reported: ReadonlyMap<string, EndpointReport>,
): Edit[] {
  const view = deps.cluster.current()
  const { id: host, epoch } = fenced.value
  const since = nowText(deps.clock)
  return [...(view.networksOfHost.get(host) ?? [])].flatMap((network) =>
    [...(view.participants.get(network)?.get(host) ?? [])].flatMap((uid) => {
      const stored = view.endpoints.get(uid)
      // What Weft placed is not the host's to know: it follows the intent.
      if (stored === undefined || view.placed.has(uid) || reported.has(uid) || stored.value.missing?.epoch === epoch)
        return []
      return changed(stored, (record) => ({ ...record, missing: { epoch, since } }))
    }),
  )
}

async function writeAll(
  deps: DomainDeps,
  host: string,
  request: AgentRequest<'report'>,
  edits: readonly Edit[],
): Promise<void> {
  let left = edits
  for (let tries = 0; tries < MOST_TRIES && left.length > 0; tries++) {
    const fenced = await requireFence(deps, host, request)
    const answer = await commitAlone(deps.kv, draftOf(fenced, left))
    if (answer.succeeded) return
    left = answer.reads.flatMap(({ entries: [entry] }, index) => {
      const edit = left[index]?.edit
      return entry === undefined || edit === undefined ? [] : changed(decode(EndpointRecord, entry), edit)
    })
    await deps.cluster.newest()
  }
  if (left.length === 0) return
  const uids = left.slice(0, 5).map(({ stored }) => stored.value.uid)
  throw new WeftError('unavailable', {
    what: 'lost every race for endpoints',
    on: uids.join(', '),
    remedy: 'try again',
  })
}

function draftOf(fenced: Stored<HostRecord>, edits: readonly Edit[]) {
  const compares: Compare[] = [
    { key: keys.host(fenced.value.id), mod: fenced.modRevision },
    ...edits.map(({ stored }): Compare => ({ key: keys.endpoint(stored.value.uid), mod: stored.modRevision })),
  ]
  const writes = edits.map(({ stored, wanted }): KvOp => {
    const record = { ...wanted, gen: stored.value.gen + 1 }
    return { put: keys.endpoint(record.uid), value: JSON.stringify(record) }
  })
  const reads = edits.map(({ stored }) => ({ get: keys.endpoint(stored.value.uid) }))
  return { when: compares, write: writes, read: reads, requestId: `report:${fenced.value.id}` }
}
