/**
 * A small pure model of what ops do to a host, for properties of the diff. It refuses what must never be asked of a kernel:
 * making what is there, standing on what is not, altering what is not ours. (The strict kernel model is the agent's
 * `kernel/fake`; this one knows nothing of it, so that the two can disagree.)
 */
import {
  type HostState,
  type Link,
  type LinkRef,
  type NftTable,
  type NftTableRef,
  nftTableKey,
  type Op,
  parentOf,
} from '@weft/shared'

type Entry = { readonly netns: string; readonly link: string }

export function applyOps(before: HostState, ops: readonly Op[]): HostState {
  return ops.reduce(applyOp, before)
}

function applyOp(state: HostState, op: Op): HostState {
  switch (op.op) {
    case 'netns-add':
      return { ...state, namespaces: [...without(state, op.namespace.netns), op.namespace] }
    case 'netns-delete':
      return {
        ...state,
        namespaces: without(state, op.netns),
        links: state.links.filter(({ netns }) => netns !== op.netns),
      }
    case 'link-add':
      return addLink(state, op.link)
    case 'link-delete':
      return deleteLink(state, op)
    case 'link-set':
      return setLink(state, op, op.set)
    case 'address-add':
      return { ...state, addresses: put(state, state.addresses, op.address, (entry) => entry.address) }
    case 'address-delete':
      return { ...state, addresses: drop(state.addresses, op.address, (entry) => entry.address) }
    case 'route-set':
      if (need(state, { netns: op.route.netns, name: op.route.link }).up !== true)
        throw new Error(`${op.route.link} is down`)
      return { ...state, routes: put(state, state.routes, { ...op.route, owned: true }, (entry) => entry.destination) }
    case 'route-delete':
      return { ...state, routes: drop(state.routes, op.route, (entry) => entry.destination) }
    case 'neighbour-set':
      return { ...state, neighbours: put(state, state.neighbours, op.neighbour, (entry) => entry.ip) }
    case 'neighbour-delete':
      return { ...state, neighbours: drop(state.neighbours, op.neighbour, (entry) => entry.ip) }
    case 'fdb-set':
      return { ...state, fdb: put(state, state.fdb, op.entry, fdbKey) }
    case 'fdb-delete':
      return { ...state, fdb: drop(state.fdb, op.entry, fdbKey) }
    case 'nft-table-set':
      return { ...state, nftTables: [...withoutTable(state, op.table), op.table] }
    case 'nft-table-delete':
      return { ...state, nftTables: withoutTable(state, op.table) }
    case 'flows-forget':
      return state
    case 'host-forwarding-set':
      return { ...state, hostForwarding: op.families }
  }
}

function without({ namespaces }: HostState, netns: string): HostState['namespaces'] {
  return namespaces.filter((each) => each.netns !== netns)
}

function withoutTable(state: HostState, table: NftTableRef): NftTable[] {
  return state.nftTables.filter((other) => nftTableKey(other) !== nftTableKey(table))
}

function addLink(state: HostState, link: Link): HostState {
  refuse(find(state, link) !== undefined, `${link.name} exists`)
  const parent = parentOf(link)
  if (parent !== undefined) need(state, parent)
  if (link.kind === 'vxlan') need(state, { netns: '', name: link.underlay })
  if (typeof link.master === 'string') need(state, { netns: link.netns, name: link.master })
  const made = { ...link, up: link.up ?? false, master: link.master ?? null, owned: true }
  if (link.kind !== 'veth') return { ...state, links: [...state.links, made] }
  const { peer } = link
  if (peer === undefined) throw new Error(`${link.name} has no other end`)
  refuse(find(state, peer) !== undefined, `${peer.name} exists`)
  const end: Link = {
    kind: 'veth',
    ...peer,
    peer: { netns: link.netns, name: link.name },
    up: false,
    master: null,
    owned: !peer.netns.startsWith('/'),
    ...(link.mtu === undefined ? {} : { mtu: link.mtu }),
    ...(link.peerMac === undefined ? {} : { mac: link.peerMac }),
  }
  return { ...state, links: [...state.links, made, end] }
}

function deleteLink(state: HostState, ref: LinkRef): HostState {
  const link = find(state, ref)
  if (link === undefined) return state
  refuse(link.owned !== true && !ref.netns.startsWith('/'), `${ref.name} is not ours`)
  const without: HostState = {
    ...state,
    links: state.links
      .filter((other) => other !== link)
      .map((other) => (other.netns === ref.netns && other.master === ref.name ? { ...other, master: null } : other)),
    addresses: state.addresses.filter((entry) => !isOn(entry, ref)),
    routes: state.routes.filter((entry) => !isOn(entry, ref)),
    neighbours: state.neighbours.filter((entry) => !isOn(entry, ref)),
    fdb: state.fdb.filter((entry) => !isOn(entry, ref) && !isPortEntry(state, entry, ref)),
  }
  const fallen = without.links.filter((other) => standsOn(other, link))
  let rest = without
  for (const other of fallen) rest = deleteLink({ ...rest, links: own(rest.links, other) }, other)
  return rest
}

/** What stands on a removed link goes with it, whosever it is. */
function own(links: readonly Link[], fallen: Link): Link[] {
  return links.map((link) =>
    link.netns === fallen.netns && link.name === fallen.name ? { ...link, owned: true } : link,
  )
}

function standsOn(link: Link, below: Link): boolean {
  const parent = parentOf(link)
  if (parent !== undefined) return same(parent, below)
  if (link.kind !== 'veth' || below.kind !== 'veth') return false
  return (link.peer !== undefined && same(link.peer, below)) || (below.peer !== undefined && same(below.peer, link))
}

function isPortEntry(
  state: HostState,
  entry: { netns: string; link: string; vtep?: string | undefined },
  bridge: LinkRef,
): boolean {
  const port = find(state, { netns: entry.netns, name: entry.link })
  return entry.vtep === undefined && port?.master === bridge.name && port.netns === bridge.netns
}

function setLink(state: HostState, ref: LinkRef, set: Extract<Op, { op: 'link-set' }>['set']): HostState {
  const link = need(state, ref)
  refuse(link.owned !== true && !ref.netns.startsWith('/'), `${ref.name} is not ours`)
  const { port, ...rest } = set
  const changed = { ...link, ...rest, ...(port === undefined ? {} : { port: { ...link.port, ...port } }) } as Link
  const moved = set.master !== undefined && set.master !== link.master
  return {
    ...state,
    links: state.links.map((other) => (other === link ? changed : other)),
    fdb: moved ? state.fdb.filter((entry) => !(isOn(entry, ref) && entry.vtep === undefined)) : state.fdb,
  }
}

function put<E extends Entry>(state: HostState, list: readonly E[], entry: E, keyOf: (entry: E) => string): E[] {
  need(state, { netns: entry.netns, name: entry.link })
  return [...drop(list, entry, keyOf), entry]
}

function drop<E extends Entry>(list: readonly E[], entry: E, keyOf: (entry: E) => string): E[] {
  return list.filter(
    (other) => !(isOn(other, { netns: entry.netns, name: entry.link }) && keyOf(other) === keyOf(entry)),
  )
}

function fdbKey({ mac, vtep }: { mac: string; vtep?: string | undefined }): string {
  if (vtep === undefined) return `${mac} port`
  return mac === '00:00:00:00:00:00' ? `${mac} ${vtep}` : mac
}

function isOn(entry: Entry, ref: LinkRef): boolean {
  return entry.netns === ref.netns && entry.link === ref.name
}

function same(a: LinkRef, b: LinkRef): boolean {
  return a.netns === b.netns && a.name === b.name
}

function find(state: HostState, ref: LinkRef): Link | undefined {
  return state.links.find((link) => same(link, ref))
}

function need(state: HostState, ref: LinkRef): Link {
  const link = find(state, ref)
  if (link === undefined) throw new Error(`${ref.name} in '${ref.netns}' is not there`)
  return link
}

function refuse(when: boolean, why: string): void {
  if (when) throw new Error(why)
}
