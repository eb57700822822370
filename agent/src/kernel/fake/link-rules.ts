/** Links as Linux makes, changes and refuses them. */
import {
  deriveMac,
  FABRIC_NETNS,
  hasParentsMac,
  INTERFACE_PREFIX,
  type Link,
  type Op,
  parentOf,
  parentUse,
  parseAddress,
} from '@weft/shared'
import {
  checkKind,
  checkMac,
  checkMtuRange,
  checkValues,
  type MadeLink,
  needBridge,
  needLower,
  refuseTaken,
} from './link-checks.ts'
import { needNetns, needOurs, refuse } from './refuse.ts'
import {
  changeMac,
  DEFAULT_PORT,
  disableIpv6,
  ETHERNET_MTU,
  type FakeWorld,
  followPorts,
  leaveBridge,
  linkKey,
  lowerKey,
  MIN_MTU_IPV6,
  removeLink,
  renameLink,
  type StoredLink,
  takeDown,
} from './world.ts'

/** Outer Ethernet, IP, UDP and VXLAN headers (vxlan_headroom). */
const VXLAN_HEADROOM = { 4: 50, 6: 70 } as const

export function addLink(world: FakeWorld, link: Link): void {
  if (link.kind === 'other') refuse('EINVAL', 'links of this kind are not made', link.name)
  checkValues(link)
  needNetns(world, link.netns)
  if (link.kind === 'veth' && link.peer !== undefined) needNetns(world, link.peer.netns)
  const lower = needLower(world, link)
  if (link.master) needOurs(world, { netns: link.netns, name: link.master })
  refuseTaken(world, link.netns, link.name)
  checkMtuRange(link.mtu)
  checkKind(world, link, lower)
  if (link.master) checkJoin(world, link, link.master)

  const stored = store(world, link, lower)
  if (link.kind === 'veth' && link.peer !== undefined) addPeer(world, stored, link)
  if (link.master) joinBridge(world, stored, link.master)
  setLink(world, stored, {
    ...(link.ipv6 !== undefined && { ipv6: link.ipv6 }),
    ...(link.port !== undefined && { port: link.port as Record<string, boolean> }),
    ...(link.up === true && { up: true }),
  })
}

export function deleteLink(world: FakeWorld, netns: string, name: string): void {
  if (!world.links.has(linkKey({ netns, name }))) return
  needOurs(world, { netns, name })
  removeLink(world, linkKey({ netns, name }))
}

/** Changes in the kernel's order; those before a refusal stay. */
export function setLink(world: FakeWorld, link: StoredLink, set: Extract<Op, { op: 'link-set' }>['set']): void {
  if (set.proxy !== undefined && (link.kind !== 'vxlan' || link.proxy !== set.proxy)) {
    refuse('EOPNOTSUPP', 'link not changed', link.name, 'the proxy flag of a vxlan device is fixed at birth')
  }
  if (set.master) needOurs(world, { netns: link.netns, name: set.master })
  if (set.mac !== undefined) {
    checkMac(set.mac)
    if (link.kind === 'ipvlan' && set.mac.toLowerCase() !== link.mac) {
      refuse('EOPNOTSUPP', 'an ipvlan has the MAC address of its parent', link.name)
    }
    const shared = link.kind === 'macvlan' && link.mode === 'passthru' && set.mac.toLowerCase() !== link.mac
    if (shared) refuse('EPERM', 'a passthru macvlan shares the MAC address of its parent', link.name)
  }
  if (set.multicastSnooping !== undefined) {
    if (link.kind !== 'bridge') refuse('EOPNOTSUPP', 'not a bridge', link.name)
    link.multicastSnooping = set.multicastSnooping
  }
  if (set.master !== undefined) {
    const moves = link.master !== set.master
    if (moves && link.master !== null) leaveBridge(world, link)
    if (moves && set.master !== null) {
      checkJoin(world, link, set.master)
      joinBridge(world, link, set.master)
    }
  }
  if (set.port !== undefined) {
    if (link.master === null) refuse('EOPNOTSUPP', 'link is no bridge port', link.name)
    link.port = { ...link.port, ...set.port }
  }
  if (set.mac !== undefined) changeMac(world, link, set.mac.toLowerCase())
  if (set.mtu !== undefined) setMtu(world, link, set.mtu)
  if (set.alias !== undefined) link.alias = set.alias
  if (set.forwarding !== undefined) link.forwarding = set.forwarding
  if (set.strictArp !== undefined) link.strictArp = set.strictArp
  if (set.ipv6 === false) disableIpv6(world, link)
  if (set.ipv6 === true) {
    if (link.mtu < MIN_MTU_IPV6) refuse('EOPNOTSUPP', 'link cannot have IPv6', link.name)
    link.ipv6 = true
  }
  if (set.up === true && !link.up) bringUp(world, link)
  if (set.up === false && link.up) takeDown(world, link)
  if (set.name !== undefined && set.name !== link.name) {
    refuseTaken(world, link.netns, set.name)
    renameLink(world, link, set.name)
  }
}

function store(world: FakeWorld, link: MadeLink, lower: StoredLink | undefined): StoredLink {
  const { presence: _, port: _port, ...rest } = link
  const stored = {
    ...rest,
    ...((link.kind === 'macvlan' || link.kind === 'ipvlan') &&
      lower && { parent: { netns: lower.netns, name: lower.name } }),
    mtu: birthMtu(link, lower),
    mac: birthMac(link, lower),
    up: false,
    master: null,
    ipv6: link.netns !== FABRIC_NETNS,
    owned: link.name.startsWith(INTERFACE_PREFIX) || link.kind === 'vlan',
    ...(link.kind === 'bridge' && { multicastSnooping: link.multicastSnooping ?? true }),
  } as StoredLink
  if (stored.mtu < MIN_MTU_IPV6) stored.ipv6 = false
  if (link.kind === 'bridge' && stored.mtu !== ETHERNET_MTU) world.pinnedMtu.add(linkKey(stored))
  world.links.set(linkKey(stored), stored)
  if (stored.kind === 'ipvlan') alignSiblings(world, stored)
  return stored
}

/** Mode and flags are the parent's: those of the newest child are all children's (ipvlan_link_new). */
function alignSiblings(world: FakeWorld, { mode, flag, ...link }: StoredLink & { kind: 'ipvlan' }): void {
  for (const other of world.links.values()) {
    if (other.kind === 'ipvlan' && lowerKey(other) === lowerKey({ mode, flag, ...link }))
      Object.assign(other, { mode, flag })
  }
}

function birthMac(link: MadeLink, lower: StoredLink | undefined): string {
  const shared = hasParentsMac(link) ? lower?.mac : undefined
  return (shared ?? link.mac ?? deriveMac(linkKey(link))).toLowerCase()
}

function birthMtu(link: MadeLink, lower: StoredLink | undefined): number {
  if (lower === undefined) return link.mtu ?? ETHERNET_MTU
  if (link.kind !== 'vxlan') return link.mtu ?? lower.mtu
  const most = vxlanMost(link, lower)
  return Math.min(link.mtu ?? most, most)
}

function vxlanMost(link: Extract<Link, { kind: 'vxlan' }>, lower: StoredLink): number {
  return lower.mtu - VXLAN_HEADROOM[parseAddress(link.local).family]
}

function addPeer(world: FakeWorld, end: StoredLink, link: Extract<Link, { kind: 'veth' }>): void {
  if (link.peer === undefined) return
  const { mtu } = end
  const peer = store(
    world,
    { kind: 'veth', ...link.peer, mtu, ...(link.peerMac !== undefined && { mac: link.peerMac }) },
    undefined,
  )
  world.pairs.set(linkKey(end), linkKey(peer))
  world.pairs.set(linkKey(peer), linkKey(end))
}

function checkJoin(world: FakeWorld, port: Link, master: string): void {
  needBridge(world, port.netns, master)
  if (port.kind === 'bridge') refuse('ELOOP', 'a bridge cannot be a port', port.name)
  const carries = [...world.links.values()].some(
    (other) => parentUse(other) !== undefined && lowerKey(other) === linkKey(port),
  )
  if (carries) refuse('EBUSY', 'link carries macvlan or ipvlan links', port.name)
}

function joinBridge(world: FakeWorld, port: StoredLink, master: string): void {
  port.master = master
  port.port = { ...DEFAULT_PORT }
  followPorts(world, needBridge(world, port.netns, master))
}

function bringUp(world: FakeWorld, link: StoredLink): void {
  const lower = world.links.get(lowerKey(link) ?? '')
  if (link.kind === 'vlan' && lower?.up === false) refuse('ENETDOWN', 'parent is down', lower.name)
  if (link.kind === 'macvlan' && link.mode !== 'passthru') {
    const rivals = [...world.links.values()].filter(
      (other) => other.kind === 'macvlan' && lowerKey(other) === lowerKey(link) && other.up,
    )
    const busy = [...rivals, lower].find((other) => other !== link && other?.mac === link.mac)
    if (busy !== undefined) refuse('EADDRINUSE', 'MAC address is in use', link.mac, `by ${busy.name}`)
  }
  link.up = true
}

function setMtu(world: FakeWorld, link: StoredLink, mtu: number): void {
  checkMtuRange(mtu)
  const lower = world.links.get(lowerKey(link) ?? '')
  // An ipvlan takes any MTU (ipvlan_link_setup), and each new one of its parent.
  if (lower !== undefined && link.kind !== 'ipvlan') {
    const most = link.kind === 'vxlan' ? vxlanMost(link, lower) : lower.mtu
    if (mtu > most) refuse(link.kind === 'vlan' ? 'ERANGE' : 'EINVAL', 'MTU above the parent', `${link.name} ${mtu}`)
  }
  if (link.kind === 'bridge' && link.mtu !== mtu) world.pinnedMtu.add(linkKey(link))
  link.mtu = mtu
  if (link.master !== null) followPorts(world, needBridge(world, link.netns, link.master))
  if (mtu < MIN_MTU_IPV6) disableIpv6(world, link)
  for (const child of world.links.values()) {
    if (parentOf(child) === undefined || lowerKey(child) !== linkKey(link)) continue
    if (child.kind === 'ipvlan' || child.mtu > mtu) child.mtu = mtu
  }
}
