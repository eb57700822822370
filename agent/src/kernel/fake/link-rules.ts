/** Links as Linux makes, changes and refuses them. */
import {
  deriveMac,
  FABRIC_NETNS,
  INTERFACE_NAME_BYTES,
  INTERFACE_PREFIX,
  type Link,
  type Op,
  parseAddress,
} from '@weft/shared'
import { needLink, needNetns, needOurs, refuse } from './refuse.ts'
import {
  DEFAULT_PORT,
  disableIpv6,
  type FakeWorld,
  leaveBridge,
  linkKey,
  lowerKey,
  removeLink,
  type StoredLink,
  takeDown,
} from './world.ts'

type MadeLink = Exclude<Link, { kind: 'other' }>
const ETHERNET_MTU = 1500
const MIN_MTU = 68
const MAX_MTU = 65_535
const MIN_MTU_IPV6 = 1280
/** Outer Ethernet, IP, UDP and VXLAN headers (vxlan_headroom). */
const VXLAN_HEADROOM = { 4: 50, 6: 70 } as const

export function addLink(world: FakeWorld, link: Link): void {
  if (link.kind === 'other') refuse('EINVAL', 'links of this kind are not made', link.name)
  checkName(link.name)
  needNetns(world, link.netns)
  const lower = needLower(world, link)
  const bridge = link.master ? needBridge(world, link.netns, link.master) : undefined
  checkMac(link.mac)
  checkMtuRange(link.mtu)
  checkKind(world, link, lower)
  refuseTaken(world, link.netns, link.name)

  const stored = store(world, link, lower)
  if (link.kind === 'veth' && link.peer !== undefined) addPeer(world, stored, link)
  if (bridge !== undefined) joinBridge(world, stored, link.master ?? '')
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
  if (set.ipv6 === false) disableIpv6(world, link)
  if (set.ipv6 === true) {
    if (link.mtu < MIN_MTU_IPV6) refuse('EOPNOTSUPP', 'link cannot have IPv6', link.name)
    link.ipv6 = true
  }
  if (set.multicastSnooping !== undefined) {
    if (link.kind !== 'bridge') refuse('EOPNOTSUPP', 'not a bridge', link.name)
    link.multicastSnooping = set.multicastSnooping
  }
  if (set.proxy !== undefined && (link.kind !== 'vxlan' || link.proxy !== set.proxy)) {
    refuse('EOPNOTSUPP', 'link not changed', link.name, 'the proxy flag of a vxlan device is fixed at birth')
  }
  if (set.master !== undefined) {
    if (set.master !== null) needBridge(world, link.netns, set.master)
    if (link.master !== null && link.master !== set.master) leaveBridge(world, link)
    if (set.master !== null && link.master !== set.master) joinBridge(world, link, set.master)
  }
  if (set.port !== undefined) {
    if (link.master === null) refuse('EOPNOTSUPP', 'link is no bridge port', link.name)
    link.port = { ...link.port, ...set.port }
  }
  if (set.mtu !== undefined) setMtu(world, link, set.mtu)
  if (set.mac !== undefined) {
    checkMac(set.mac)
    link.mac = set.mac.toLowerCase()
  }
  if (set.alias !== undefined) link.alias = set.alias
  if (set.up === true && !link.up) bringUp(world, link)
  if (set.up === false && link.up) takeDown(world, link)
}

function needLower(world: FakeWorld, link: MadeLink): StoredLink | undefined {
  if (link.kind === 'vxlan') return needLink(world, { netns: '', name: link.underlay })
  return link.kind === 'macvlan' || link.kind === 'vlan' ? needLink(world, link.parent) : undefined
}

function needBridge(world: FakeWorld, netns: string, name: string): StoredLink {
  const bridge = needOurs(world, { netns, name })
  if (bridge.kind !== 'bridge') refuse('EOPNOTSUPP', 'master is no bridge', name)
  return bridge
}

function checkKind(world: FakeWorld, link: MadeLink, lower: StoredLink | undefined): void {
  const siblings = [...world.links.values()].filter((other) => lower && lowerKey(other) === linkKey(lower))
  switch (link.kind) {
    case 'vxlan':
      parseAddress(link.local)
      if (link.vni < 0 || link.vni > 0xffffff) refuse('ERANGE', 'VNI out of range', String(link.vni))
      refuseSameVni(world, link)
      return
    case 'macvlan': {
      const passthru = (other: Link) => other.kind === 'macvlan' && other.mode === 'passthru'
      const children = siblings.filter((other) => other.kind === 'macvlan')
      if (lower?.master) refuse('EBUSY', 'parent is a bridge port', lower.name)
      if (link.mode === 'passthru' ? children.length > 0 : children.some(passthru)) {
        refuse('EINVAL', 'a passthru link shares its parent with none', link.name)
      }
      return
    }
    case 'vlan': {
      if (link.vlanId < 1 || link.vlanId > 4094) refuse('ERANGE', 'VLAN id out of range', String(link.vlanId))
      const taken = siblings.find(
        (other) => other.kind === 'vlan' && other.vlanId === link.vlanId && other.protocol === link.protocol,
      )
      if (taken !== undefined) refuse('EEXIST', 'link exists already', link.name, `vlan ${taken.name} has the id`)
      if ((link.mtu ?? 0) > (lower?.mtu ?? MAX_MTU)) refuse('ERANGE', 'MTU above the parent', link.name)
      return
    }
    case 'veth':
      if (link.peer === undefined) refuse('EINVAL', 'veth without a peer', link.name)
      checkName(link.peer.name)
      checkMac(link.peerMac)
      needNetns(world, link.peer.netns)
      if (linkKey(link.peer) === linkKey(link)) refuse('EEXIST', 'link exists already', link.peer.name)
      refuseTaken(world, link.peer.netns, link.peer.name)
      return
    case 'bridge':
      return
  }
}

function refuseTaken(world: FakeWorld, netns: string, name: string): void {
  const taken = world.links.get(linkKey({ netns, name }))
  if (taken !== undefined) refuse('EEXIST', 'link exists already', name, `${taken.kind} ${name}`)
}

function refuseSameVni(world: FakeWorld, link: Extract<Link, { kind: 'vxlan' }>): void {
  for (const other of world.links.values()) {
    if (other.kind === 'vxlan' && other.vni === link.vni && other.udpPort === link.udpPort) {
      refuse('EEXIST', 'link exists already', link.name, `VNI ${link.vni} is in use by vxlan ${other.name}`)
    }
  }
}

function store(world: FakeWorld, link: MadeLink, lower: StoredLink | undefined): StoredLink {
  const { presence: _, port: _port, ...rest } = link
  const stored = {
    ...rest,
    mtu: birthMtu(link, lower),
    mac: (link.mac ?? deriveMac(linkKey(link))).toLowerCase(),
    up: false,
    master: null,
    ipv6: link.netns !== FABRIC_NETNS,
    owned: link.name.startsWith(INTERFACE_PREFIX) || link.kind === 'vlan',
    ...(link.kind === 'bridge' && { multicastSnooping: link.multicastSnooping ?? true }),
  } as StoredLink
  if (stored.mtu < MIN_MTU_IPV6) stored.ipv6 = false
  world.links.set(linkKey(stored), stored)
  return stored
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

function joinBridge(world: FakeWorld, port: StoredLink, master: string): void {
  if (port.kind === 'bridge') refuse('ELOOP', 'a bridge cannot be a port', port.name)
  const carries = [...world.links.values()].some(
    (other) => other.kind === 'macvlan' && lowerKey(other) === linkKey(port),
  )
  if (carries) refuse('EBUSY', 'link carries macvlan links', port.name)
  port.master = master
  port.port = { ...DEFAULT_PORT }
}

function bringUp(world: FakeWorld, link: StoredLink): void {
  const lower = world.links.get(lowerKey(link) ?? '')
  if (link.kind === 'vlan' && lower?.up === false) refuse('ENETDOWN', 'parent is down', lower.name)
  if (link.kind === 'macvlan' && link.mode !== 'passthru') {
    const rivals = [...world.links.values()].filter((other) => lowerKey(other) === lowerKey(link) && other.up)
    const busy = [...rivals, lower].find((other) => other !== link && other?.mac === link.mac)
    if (busy !== undefined) refuse('EADDRINUSE', 'MAC address is in use', link.mac, `by ${busy.name}`)
  }
  link.up = true
}

function setMtu(world: FakeWorld, link: StoredLink, mtu: number): void {
  checkMtuRange(mtu)
  const lower = world.links.get(lowerKey(link) ?? '')
  if (lower !== undefined) {
    const most = link.kind === 'vxlan' ? vxlanMost(link, lower) : lower.mtu
    if (mtu > most) refuse(link.kind === 'vlan' ? 'ERANGE' : 'EINVAL', 'MTU above the parent', `${link.name} ${mtu}`)
  }
  link.mtu = mtu
  if (mtu < MIN_MTU_IPV6) disableIpv6(world, link)
  for (const child of world.links.values()) {
    const shrinks = (child.kind === 'macvlan' || child.kind === 'vlan') && lowerKey(child) === linkKey(link)
    if (shrinks && child.mtu > mtu) child.mtu = mtu
  }
}

function checkName(name: string): void {
  const fits =
    Buffer.byteLength(name) <= INTERFACE_NAME_BYTES && /^[^\s/:]+$/.test(name) && name !== '.' && name !== '..'
  if (!fits) refuse('EINVAL', 'not an interface name', name)
}

function checkMac(mac: string | undefined): void {
  if (mac === undefined) return
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac)) refuse('EINVAL', 'not a MAC address', mac)
  const multicast = (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1
  if (multicast || /^(00:){5}00$/.test(mac)) refuse('EADDRNOTAVAIL', 'no unicast MAC address', mac)
}

function checkMtuRange(mtu: number | undefined): void {
  if (mtu !== undefined && (mtu < MIN_MTU || mtu > MAX_MTU)) refuse('EINVAL', 'MTU out of range', String(mtu))
}
