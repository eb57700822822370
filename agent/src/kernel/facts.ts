/** What a host tells of itself: interfaces and routes of the own netns, Weft's own left out. */
import type { InterfaceFact } from '@weft/shared'
import { openNetlink } from './netlink/transport.ts'
import { dumpAddresses } from './read/address.ts'
import { dumpLinks, isOwned, type LinkRow } from './read/link-row.ts'
import { dumpRoutes } from './read/route.ts'

/** Interfaces of the netns of the main thread, sorted by name; loopback and our own left out. */
export function hostInterfaces(): InterfaceFact[] {
  using socket = openNetlink()
  const rows = dumpLinks(socket).filter((row) => !row.loopback && !isOwned(row))
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

/**
 * Destinations (CIDR) of the routes of the netns of the main thread, sorted, each once: a new subnet must not overlap
 * them. Default routes, link-local ones and those over our own links are left out.
 */
export function hostRoutes(): string[] {
  using socket = openNetlink()
  const ours = new Set(
    dumpLinks(socket)
      .filter(isOwned)
      .map((row: LinkRow) => row.index),
  )
  const destinations = dumpRoutes(socket)
    .filter((route) => !ours.has(route.linkIndex))
    .map((route) => route.destination)
    .filter((destination) => !destination.endsWith('/0') && !/^(fe80:|169\.254\.)/.test(destination))
  return [...new Set(destinations)].sort()
}
