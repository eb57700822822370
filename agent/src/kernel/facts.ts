/** What a host tells of itself: interfaces and routes of the own netns, Weft's own left out. */
import type { InterfaceFact } from '@weft/shared'
import { type NetlinkSocket, openNetlink } from './netlink/transport.ts'
import { dumpAddresses } from './read/address.ts'
import { dumpLinks, isOwned, type LinkRow } from './read/link-row.ts'
import { dumpRoutes } from './read/route.ts'

export interface HostWays {
  /** Interfaces of the netns of the main thread, sorted by name; loopback and our own left out. */
  readonly interfaces: InterfaceFact[]
  /**
   * Destinations (CIDR) of the routes of the netns of the main thread, sorted, each once: a new subnet must not overlap
   * them. Default routes, link-local ones and those over our own links are left out.
   */
  readonly routes: string[]
}

export function readHostWays(): HostWays {
  using socket = openNetlink()
  const links = dumpLinks(socket)
  return { interfaces: interfacesAmong(links, socket), routes: routesBeside(links, socket) }
}

function interfacesAmong(links: readonly LinkRow[], socket: NetlinkSocket): InterfaceFact[] {
  const rows = links.filter((row) => !row.loopback && !isOwned(row))
  const names = new Map(rows.map((row) => [row.index, row.name]))
  const addresses = Map.groupBy(
    dumpAddresses(socket, '', (index) => names.get(index)),
    (address) => address.link,
  )
  return rows
    .map((row) => ({
      name: row.name,
      mtu: row.mtu,
      mac: row.mac,
      up: row.up,
      kind: row.kind ?? 'device',
      addresses: (addresses.get(row.name) ?? []).map(({ address }) => address),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function routesBeside(links: readonly LinkRow[], socket: NetlinkSocket): string[] {
  const ours = new Set(links.filter(isOwned).map((row) => row.index))
  const destinations = dumpRoutes(socket)
    .filter((route) => !ours.has(route.linkIndex))
    .map((route) => route.destination)
    .filter((destination) => !destination.endsWith('/0') && !/^(fe80:|169\.254\.)/.test(destination))
  return [...new Set(destinations)].sort()
}
