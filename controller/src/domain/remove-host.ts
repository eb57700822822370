/**
 * A host is taken out of the cluster by an admin: its endpoints end, and nothing of it remains.
 *
 * Invariants
 * - A host that gives signs of life is never removed: every transaction compares that there is none.
 * - The record of the host goes last, in the transaction of the audit record. What is interrupted is gone on with by the
 *   same command.
 * - Addresses of a host that cannot be asked rest before they are given again, whoever asks for them; that it is silent
 *   cannot be proven (TRUTH.md, promise), which is why they go by `force` alone.
 */
import { addressToHex, parseAddress, WeftError } from '@weft/shared'
import type { Compare, KvOp } from '../store/kv.ts'
import { auditWrite } from './audit.ts'
import type { DomainDeps } from './deps.ts'
import { commitAlone } from './group-commit.ts'
import { hostByRef } from './pure/find.ts'
import { describeEndpoints } from './pure/holders.ts'
import { keys } from './pure/keys.ts'
import { type Actor, decode, type EndpointRecord, type HostRecord, type Stored, VtepRecord } from './pure/records.ts'
import type { ClusterView } from './pure/view.ts'
import { releaseDraft } from './release.ts'

export interface RemovedHost {
  readonly id: string
  readonly revision: number
  /** Endpoints that ended with it. */
  readonly endpoints: number
}

const MOST_TRIES = 100

/**
 * @throws `not_found`; `conflict` while the host is alive, or while containers of its have addresses and `force` is not
 *   given: the error names them
 */
export async function removeHost(
  deps: DomainDeps,
  id: string,
  { req, force = false }: { readonly req: string; readonly force?: boolean | undefined },
  actor: Actor,
): Promise<RemovedHost> {
  hostByRef(await deps.cluster.newest(), id)
  let ended = 0
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const view = await deps.cluster.newest()
    const stored = view.hosts.get(id)
    // Gone in between: by a lost answer of our own, or by somebody who wished the same.
    if (stored === undefined) return { id, revision: view.revision, endpoints: ended }
    const { entry: alive } = await deps.kv.get(keys.alive(id))
    if (alive !== undefined) throw isAlive(id)
    const containers = containersOf(view, id)
    if (containers.length > 0 && !force) throw inUse(id, containers)
    const isSilent: Compare = { key: keys.alive(id), create: 0 }
    if (containers.length > 0) {
      ended += await endAll(deps, req, stored, containers, isSilent)
      continue
    }
    const vtep = await readVtep(deps, view, id)
    const answer = await commitAlone(deps.kv, {
      when: [isSilent, { key: keys.host(id), mod: stored.modRevision }, vtep.unchanged],
      write: [
        ...remains(view, id),
        ...vtep.removal,
        auditWrite(deps, { actor, action: 'host.remove', object: `host ${id}${force ? ' by force' : ''}`, req }),
      ],
      read: [],
      requestId: req,
    })
    if (!answer.succeeded) continue
    // What was claimed since the view was read; from now on the fence refuses claims.
    const late = containersOf(await deps.cluster.waitFor(answer.revision), id)
    ended += await endAll(deps, req, { ...stored, modRevision: 0 }, late, isSilent)
    return { id, revision: answer.revision, endpoints: ended }
  }
  throw new WeftError('unavailable', { what: 'lost every race with other changes', on: id, remedy: 'try again' })
}

/** How many could be ended; the others have changed since. */
async function endAll(
  deps: DomainDeps,
  req: string,
  host: Stored<HostRecord>,
  endpoints: readonly Stored<EndpointRecord>[],
  isSilent: Compare,
): Promise<number> {
  let ended = 0
  for (const endpoint of endpoints) {
    const draft = releaseDraft(deps, req, host, endpoint, 'unasked')
    const answer = await commitAlone(deps.kv, { ...draft, when: [isSilent, ...draft.when] })
    if (answer.succeeded) ended++
  }
  return ended
}

/** Shims and legs of routers are not among them: the leader's sweep takes those back from hosts that are gone. */
function containersOf(view: ClusterView, id: string): Stored<EndpointRecord>[] {
  return [...view.endpoints.values()].filter(({ value }) => value.host === id && value.holder === undefined)
}

/** Its VTEP address, unless another host has it by now. */
async function readVtep(
  deps: DomainDeps,
  view: ClusterView,
  id: string,
): Promise<{ unchanged: Compare; removal: KvOp[] }> {
  const address = view.facts.get(id)?.value.facts.underlay.address
  if (address === undefined) return { unchanged: { key: keys.facts(id), create: 0 }, removal: [] }
  const key = keys.vtep(addressToHex(parseAddress(address)))
  const { entry } = await deps.kv.get(key)
  const ours = entry !== undefined && decode(VtepRecord, entry).value.host === id
  return { unchanged: { key, mod: entry?.modRevision ?? 0 }, removal: ours ? [{ delete: key }] : [] }
}

/** Everything else that is said of a host, beside its endpoints. */
function remains(view: ClusterView, id: string): KvOp[] {
  const uplinks = [...view.uplinks].filter(([, hosts]) => hosts.has(id)).map(([name]) => name)
  return [
    { delete: keys.host(id) },
    { delete: keys.facts(id) },
    ...[...view.paths.values()].flatMap(({ value: { hosts } }) =>
      hosts.includes(id) ? [{ delete: keys.path(...hosts) }] : [],
    ),
    ...uplinks.map((name) => ({ delete: keys.uplink(name, id) })),
  ]
}

function isAlive(id: string): WeftError {
  return new WeftError('conflict', {
    what: 'the host is alive',
    on: id,
    why: 'its agent reports, and would join again',
    remedy: `take it out there first: weft leave; half a minute later it counts as silent: weft host rm ${id}`,
  })
}

function inUse(id: string, endpoints: readonly Stored<EndpointRecord>[]): WeftError {
  return new WeftError('conflict', {
    what: 'the host is silent, and its containers have addresses',
    on: id,
    why: `${describeEndpoints(endpoints.map(({ value }) => value))}; whether they still use them cannot be known`,
    remedy: `switch that machine off, or its network, and then: weft host rm --force ${id}`,
  })
}
