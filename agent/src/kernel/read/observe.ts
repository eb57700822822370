/** The full dump: every netns that matters, as one HostState. nft is read elsewhere (nft/tables.ts). */
import { FABRIC_NETNS, type HostState, isSandbox, type Link, type LinkRef, WeftError } from '@weft/shared'
import { nsidOf } from '../netlink/nsid.ts'
import { type NetlinkSocket, openNetlink } from '../netlink/transport.ts'
import type { Namespaces } from '../netns.ts'
import { dumpAddresses } from './address.ts'
import { type NetnsLinks, toLink } from './link.ts'
import { dumpLinks, findLink, isOwned, type LinkRow } from './link-row.ts'
import { dumpFdb, dumpNeighbours } from './neighbour.ts'
import { readRoutes } from './route.ts'

type NetnsState = Omit<HostState, 'namespaces' | 'nftTables' | 'hostForwarding'>

export interface Sockets {
  readonly own: NetlinkSocket
  readonly fabric: NetlinkSocket
}

/** Reads everything at once; `missing` are the sandboxes that are gone. */
export function observeAll(
  namespaces: Namespaces,
  sockets: Sockets,
  sandboxes: readonly string[],
): { state: NetnsState; missing: string[] } {
  const peers = { own: new Map<number, LinkRow>(), fabric: new Map<number, LinkRow>() }
  for (const row of dumpLinks(sockets.own)) peers.own.set(row.index, row)
  for (const row of dumpLinks(sockets.fabric)) peers.fabric.set(row.index, row)

  const read = (netns: string, socket: NetlinkSocket, rows: ReadonlyMap<number, LinkRow>) =>
    readNetns(socket, knownPeers(namespaces, netns, socket, rows, peers))
  const states = [read('', sockets.own, peers.own), read(FABRIC_NETNS, sockets.fabric, peers.fabric)]
  const missing: string[] = []
  for (const sandbox of new Set(sandboxes)) {
    const socket = openSandbox(namespaces, sandbox)
    if (socket === undefined) {
      missing.push(sandbox)
      continue
    }
    try {
      states.push(read(sandbox, socket, new Map(dumpLinks(socket).map((row) => [row.index, row]))))
    } finally {
      socket.close()
    }
  }
  return { state: concat(states), missing }
}

/** Asks for the named links of the own netns and the fabric, and for nothing else. */
export function findLinks(namespaces: Namespaces, sockets: Sockets, refs: readonly LinkRef[]): Link[] {
  const rowsOf = (netns: string, socket: NetlinkSocket) => {
    const rows = refs.filter((ref) => ref.netns === netns).flatMap(({ name }) => findLink(socket, name) ?? [])
    return new Map(rows.map((row) => [row.index, row]))
  }
  const peers = { own: rowsOf('', sockets.own), fabric: rowsOf(FABRIC_NETNS, sockets.fabric) }
  const linksOf = (netns: string, socket: NetlinkSocket, rows: ReadonlyMap<number, LinkRow>) => {
    const here = knownPeers(namespaces, netns, socket, rows, peers)
    return [...rows.values()].map((row) => toLink(row, here))
  }
  return [...linksOf('', sockets.own, peers.own), ...linksOf(FABRIC_NETNS, sockets.fabric, peers.fabric)]
}

/** A socket in the sandbox, undefined when it is gone. */
export function openSandbox(namespaces: Namespaces, sandbox: string): NetlinkSocket | undefined {
  try {
    return namespaces.within(sandbox, () => openNetlink())
  } catch (error) {
    if (error instanceof WeftError && error.code === 'not_found') return undefined
    throw error
  }
}

/** The nsids of the own netns and the fabric are asked for once, and only when a link points elsewhere. */
function knownPeers(
  namespaces: Namespaces,
  netns: string,
  socket: NetlinkSocket,
  rows: ReadonlyMap<number, LinkRow>,
  peers: { own: ReadonlyMap<number, LinkRow>; fabric: ReadonlyMap<number, LinkRow> },
): NetnsLinks {
  let known: Map<number, NetnsLinks> | undefined
  const learn = () => {
    const found = new Map<number, NetnsLinks>()
    for (const [name, its] of [
      ['', peers.own],
      [FABRIC_NETNS, peers.fabric],
    ] as const) {
      const id = namespaces.withDescriptor(name, (fd) => nsidOf(socket, fd))
      if (id !== undefined) found.set(id, { netns: name, rows: its, peer: () => undefined })
    }
    return found
  }
  return {
    netns,
    rows,
    peer: (nsid) => {
      known ??= learn()
      return known.get(nsid)
    },
  }
}

function readNetns(socket: NetlinkSocket, here: NetnsLinks): NetnsState {
  const { netns, rows } = here
  const links = [...rows.values()].filter((row) => !row.loopback).map((row) => toLink(row, here))
  const owned = namesOf(rows, isOwned)
  const wanted = isSandbox(netns) ? namesOf(rows, (row) => !row.loopback) : owned
  const vxlans = namesOf(rows, (row) => row.kind === 'vxlan' && isOwned(row))
  const ports = namesOf(rows, (row) => isOwned(row) && isOwnedBridge(rows.get(row.masterIndex)))
  return {
    links: isSwitching(netns) ? links.filter((link: Link) => link.owned === true) : links,
    addresses: wanted.size === 0 ? [] : dumpAddresses(socket, netns, (index) => wanted.get(index)),
    routes: isSwitching(netns) || wanted.size === 0 ? [] : readRoutes(socket, netns, (index) => wanted.get(index)),
    neighbours: owned.size === 0 ? [] : dumpNeighbours(socket, netns, (index) => owned.get(index)),
    fdb:
      vxlans.size + ports.size === 0
        ? []
        : dumpFdb(
            socket,
            netns,
            (index) => vxlans.get(index),
            (index) => ports.get(index),
          ),
  }
}

/** The fabric: no address of it routes anything. */
function isSwitching(netns: string): boolean {
  return netns === FABRIC_NETNS
}

function isOwnedBridge(row: LinkRow | undefined): boolean {
  return row !== undefined && row.kind === 'bridge' && isOwned(row)
}

function namesOf(rows: ReadonlyMap<number, LinkRow>, keep: (row: LinkRow) => boolean): Map<number, string> {
  const names = new Map<number, string>()
  for (const row of rows.values()) if (keep(row)) names.set(row.index, row.name)
  return names
}

function concat(states: readonly NetnsState[]): NetnsState {
  return {
    links: states.flatMap((state) => state.links),
    addresses: states.flatMap((state) => state.addresses),
    routes: states.flatMap((state) => state.routes),
    neighbours: states.flatMap((state) => state.neighbours),
    fdb: states.flatMap((state) => state.fdb),
  }
}
