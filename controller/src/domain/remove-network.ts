/**
 * T7: a network goes only when no container's endpoint holds an address of it. The view says so, and etcd itself that no
 * address was given since.
 */
import { formatPublication, WeftError } from '@weft/shared'
import type { Compare, KvOp } from '../store/kv.ts'
import { auditWrite } from './audit.ts'
import type { DomainDeps } from './deps.ts'
import { commitAlone } from './group-commit.ts'
import { readGeneration } from './publish.ts'
import { networkByRef } from './pure/find.ts'
import { describeEndpoints } from './pure/holders.ts'
import { keys } from './pure/keys.ts'
import { type Actor, decode, type NetworkRecord, type Stored, SubnetsGenerationRecord } from './pure/records.ts'
import { type ClusterView, subnetsOf } from './pure/view.ts'

export interface RemovedNetwork {
  readonly uid: string
  readonly name: string
  readonly revision: number
  /** What was reserved in it, and went with it. */
  readonly reservations: { readonly name: string; readonly addresses: string[] }[]
}

const MOST_TRIES = 100

/**
 * Removes a network, its subnets, reserved addresses and what is reserved for names; with `dryRun` only checks that it
 * could, and says what would go with it.
 * @param ref name, uid or unique beginning of a uid
 * @throws `not_found`; `conflict` while endpoints exist: the error names them
 */
export async function removeNetwork(
  deps: DomainDeps,
  ref: string,
  { req, dryRun = false }: { readonly req: string; readonly dryRun?: boolean | undefined },
  actor: Actor,
): Promise<RemovedNetwork> {
  let stored = networkByRef(await deps.cluster.newest(), ref)
  const { uid, name } = stored.value
  let reservations: RemovedNetwork['reservations'] = []
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const generation = await deps.kv.get(keys.subnetsGeneration)
    const publications = await readGeneration(deps)
    const view = await deps.cluster.newest()
    const current = view.networks.get(uid)
    // Gone in between: by a lost answer of our own, or by somebody who wished the same.
    if (current === undefined) return { uid, name, revision: view.revision, reservations }
    stored = current
    refuseUsed(view, stored.value)
    refuseRouted(view, stored.value)
    refusePublished(view, stored.value)
    reservations = reservationsOf(view, uid)
    if (dryRun) return { uid, name, revision: view.revision, reservations }
    const count = generation.entry === undefined ? 0 : decode(SubnetsGenerationRecord, generation.entry).value.gen
    const bump = { put: keys.subnetsGeneration, value: JSON.stringify({ v: 1, req, gen: count + 1 }) }
    const audit = auditWrite(deps, { actor, action: 'network.remove', object: `network ${name} (${uid})`, req })
    const answer = await commitAlone(deps.kv, {
      when: [
        { key: keys.subnetsGeneration, mod: generation.entry?.modRevision ?? 0 },
        publications.unchanged,
        ...unused(view, stored),
      ],
      write: [bump, ...removals(view, stored.value), audit],
      read: [],
      requestId: req,
    })
    if (answer.succeeded) return { uid, name, revision: answer.revision, reservations }
  }
  throw new WeftError('unavailable', { what: 'lost every race with other changes', on: name, remedy: 'try again' })
}

function refuseUsed(view: ClusterView, { uid, name }: NetworkRecord): void {
  const hosts = [...(view.participants.get(uid)?.values() ?? [])]
  const endpoints = hosts
    .flatMap((uids) => [...uids].filter((endpoint) => !view.placed.has(endpoint)))
    .flatMap((endpoint) => view.endpoints.get(endpoint)?.value ?? [])
  if (endpoints.length === 0) return
  endpoints.sort((a, b) => (a.uid < b.uid ? -1 : 1))
  throw new WeftError('conflict', {
    what: 'network is in use',
    on: name,
    why: `${endpoints.length} ${endpoints.length === 1 ? 'endpoint is' : 'endpoints are'} on it: ${describeEndpoints(endpoints)}`,
    remedy: 'remove these containers, or disconnect them: docker network disconnect',
  })
}

/** A port would be open for a container that can never come. */
function refusePublished(view: ClusterView, { uid, name }: NetworkRecord): void {
  const ports = [...view.publications.values()].map(({ value }) => value).filter(({ network }) => network === uid)
  const [first] = ports
  if (first === undefined) return
  throw new WeftError('conflict', {
    what: 'network has published ports',
    on: name,
    why: ports
      .map((each) => `${formatPublication(each)} of ${each.container}`)
      .slice(0, 5)
      .join(', '),
    remedy: `take them back: weft unpublish ${[...new Set(ports.map(({ container }) => container))].join(' ')}`,
  })
}

function refuseRouted(view: ClusterView, { uid, name }: NetworkRecord): void {
  const routers = [...view.routers.values()].filter(({ value }) => value.networks.includes(uid))
  const [first] = routers.map(({ value }) => value.name).sort()
  if (first === undefined) return
  throw new WeftError('conflict', {
    what: 'network is in use',
    on: name,
    why: `router ${first} connects it`,
    remedy: `weft router disconnect ${first} ${name}`,
  })
}

function reservationsOf(view: ClusterView, network: string): RemovedNetwork['reservations'] {
  return [...(view.reservations.get(network)?.values() ?? [])]
    .map(({ value: { name, addresses } }) => ({ name, addresses: addresses.map(({ ip }) => ip) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Beside hosts' shims, which the leader's sweep takes back, no endpoint has an address: none has been given since the view. */
function unused(view: ClusterView, { value, modRevision }: Stored<NetworkRecord>): Compare[] {
  const subnets = subnetsOf(view, value)
  return [
    { key: keys.network(value.uid), mod: modRevision },
    // What is reserved is what the answer names.
    { range: keys.reservationsBelow(value.uid), writtenBefore: view.revision + 1 },
    ...subnets.map(({ uid }): Compare => {
      const range = keys.heldBelow(uid)
      return heldByShimsOnly(view, uid) ? { range, writtenBefore: view.revision + 1 } : { range, empty: true }
    }),
  ]
}

/** A held address whose endpoint cannot be read is in use. */
function heldByShimsOnly(view: ClusterView, subnet: string): boolean {
  return [...(view.pools.get(subnet)?.held.values() ?? [])].every((held) => view.placed.has(held?.value.endpoint ?? ''))
}

function removals(view: ClusterView, network: NetworkRecord): KvOp[] {
  return [
    { delete: keys.network(network.uid) },
    { delete: keys.networkName(network.name) },
    { deleteRange: keys.reservationsBelow(network.uid) },
    ...[...(view.reservations.get(network.uid)?.values() ?? [])].map(({ value: { mac } }) => ({
      delete: keys.mac(network.uid, mac),
    })),
    ...(network.vni === undefined ? [] : [{ delete: keys.vni(network.vni) }]),
    ...subnetsOf(view, network).flatMap(({ uid }): KvOp[] => [
      { delete: keys.subnet(uid) },
      { deleteRange: keys.reservedBelow(uid) },
    ]),
  ]
}
