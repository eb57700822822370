/** Addresses, routes, neighbours and FDB entries as Linux takes and refuses them. */
import {
  containsAddress,
  type FdbEntry,
  formatAddress,
  formatCidr,
  type LinkAddress,
  type Neighbour,
  parseAddress,
  parseCidr,
  parseInterfaceAddress,
  type Route,
} from '@weft/shared'
import { needOurs, refuse } from './refuse.ts'
import { type FakeWorld, linkKey, lowerKey, MIN_MTU_IPV6, type StoredLink } from './world.ts'

const ALL_ZERO_MAC = '00:00:00:00:00:00'

export function addAddress(world: FakeWorld, entry: LinkAddress): void {
  const link = linkOf(world, entry)
  const { address, prefixLength } = parseInterfaceAddress(entry.address)
  if (address.family === 6 && !link.ipv6) {
    refuse(link.mtu < MIN_MTU_IPV6 ? 'EINVAL' : 'EACCES', 'IPv6 is disabled on the link', link.name)
  }
  const text = `${formatAddress(address)}/${prefixLength}`
  refuseSiblings(world, link, formatAddress(address))
  world.addresses.set(`${place(entry)} ${text}`, { ...entry, address: text })
}

/** Packets of ipvlan children are told apart by address alone, whatever namespace they are in (ipvlan_addr_busy). */
function refuseSiblings(world: FakeWorld, link: StoredLink, address: string): void {
  if (link.kind !== 'ipvlan') return
  for (const entry of world.addresses.values()) {
    const other = world.links.get(linkKey({ netns: entry.netns, name: entry.link }))
    if (other?.kind !== 'ipvlan' || other === link || lowerKey(other) !== lowerKey(link)) continue
    if (entry.address.split('/')[0] === address) refuse('EADDRINUSE', 'address is in use', address, `by ${other.name}`)
  }
}

export function deleteAddress(world: FakeWorld, entry: LinkAddress): void {
  linkOf(world, entry)
  const { address, prefixLength } = parseInterfaceAddress(entry.address)
  world.addresses.delete(`${place(entry)} ${formatAddress(address)}/${prefixLength}`)
}

/** One route to a destination in a netns: setting another replaces it, whatever link it goes over. */
export function setRoute(world: FakeWorld, entry: Route): void {
  const link = linkOf(world, entry)
  const destination = parseCidr(entry.destination)
  if (!link.up) refuse('ENETDOWN', 'link is down', link.name)
  if (destination.family === 6 && !link.ipv6) refuse('EACCES', 'IPv6 is disabled on the link', link.name)
  if (entry.via !== undefined && !reaches(world, entry, entry.via)) {
    refuse('ENETUNREACH', 'next hop is not on the link', entry.via)
  }
  world.routes.set(`${entry.netns} ${formatCidr(destination)}`, {
    ...entry,
    destination: formatCidr(destination),
    owned: true,
  })
}

export function deleteRoute(world: FakeWorld, entry: Route): void {
  linkOf(world, entry)
  const key = `${entry.netns} ${formatCidr(parseCidr(entry.destination))}`
  const present = world.routes.get(key)
  if (present?.link === entry.link && (entry.via === undefined || present.via === entry.via)) world.routes.delete(key)
}

export function setNeighbour(world: FakeWorld, entry: Neighbour): void {
  const link = linkOf(world, entry)
  const address = parseAddress(entry.ip)
  checkMac(entry.mac)
  if (address.family === 6 && !link.ipv6) refuse('EINVAL', 'IPv6 is disabled on the link', link.name)
  const ip = formatAddress(address)
  world.neighbours.set(`${place(entry)} ${ip}`, { ...entry, ip, mac: entry.mac.toLowerCase() })
}

export function deleteNeighbour(world: FakeWorld, entry: Neighbour): void {
  linkOf(world, entry)
  world.neighbours.delete(`${place(entry)} ${formatAddress(parseAddress(entry.ip))}`)
}

export function setFdb(world: FakeWorld, entry: FdbEntry): void {
  const link = linkOf(world, entry)
  checkMac(entry.mac)
  if (entry.vtep === undefined) {
    if (link.master === null) refuse('EOPNOTSUPP', 'link is no bridge port', link.name)
    if (entry.mac === ALL_ZERO_MAC) refuse('EINVAL', 'no MAC address for a bridge', entry.mac)
  } else {
    if (link.kind !== 'vxlan') refuse('EOPNOTSUPP', 'link is no vxlan device', link.name)
    if (parseAddress(entry.vtep).family !== parseAddress(link.local).family) {
      refuse('EAFNOSUPPORT', 'VTEP of another address family than the device', entry.vtep)
    }
  }
  world.fdb.set(fdbKey(entry), { ...entry, mac: entry.mac.toLowerCase() })
}

export function deleteFdb(world: FakeWorld, entry: FdbEntry): void {
  linkOf(world, entry)
  const present = world.fdb.get(fdbKey(entry))
  if (present?.vtep === entry.vtep) world.fdb.delete(fdbKey(entry))
}

/** A MAC leads to one place; the all-zero one to each VTEP of the flood list. */
function fdbKey({ netns, link, mac, vtep }: FdbEntry): string {
  const table = vtep === undefined ? 'master' : mac === ALL_ZERO_MAC ? `self ${vtep}` : 'self'
  return `${netns}|${link} ${table} ${mac.toLowerCase()}`
}

function linkOf(world: FakeWorld, entry: { netns: string; link: string }): StoredLink {
  return needOurs(world, { netns: entry.netns, name: entry.link })
}

function place(entry: { netns: string; link: string }): string {
  return `${entry.netns}|${entry.link}`
}

function reaches(world: FakeWorld, route: Route, via: string): boolean {
  const gateway = parseAddress(via)
  return [...world.addresses.values()].some((entry) => {
    if (place(entry) !== place(route)) return false
    const { address, prefixLength } = parseInterfaceAddress(entry.address)
    const bits = BigInt((address.family === 4 ? 32 : 128) - prefixLength)
    const base = (address.value >> bits) << bits
    return containsAddress({ family: address.family, base, prefixLength }, gateway)
  })
}

function checkMac(mac: string): void {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac)) refuse('EINVAL', 'not a MAC address', mac)
}
