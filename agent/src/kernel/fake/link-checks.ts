/** What Linux refuses when a link is made, and in which order it looks. */
import { INTERFACE_NAME_BYTES, type Link, parentOf, parseAddress } from '@weft/shared'
import { needLink, needNetns, needOurs, refuse } from './refuse.ts'
import { type FakeWorld, linkKey, lowerKey, type StoredLink } from './world.ts'

export type MadeLink = Exclude<Link, { kind: 'other' }>
const MIN_MTU = 68
const MAX_MTU = 65_535

/** What is looked at before the name: values that cannot be put into a request at all. */
export function checkValues(link: MadeLink): void {
  checkName(link.name)
  checkMac(link.mac)
  switch (link.kind) {
    case 'vxlan':
      parseAddress(link.local)
      if (link.vni < 0 || link.vni > 0xffffff) refuse('ERANGE', 'VNI out of range', String(link.vni))
      return
    case 'vlan':
      if (link.vlanId < 1 || link.vlanId > 4094) refuse('ERANGE', 'VLAN id out of range', String(link.vlanId))
      return
    case 'veth':
      if (link.peer === undefined) refuse('EINVAL', 'veth without a peer', link.name)
      checkName(link.peer.name)
      checkMac(link.peerMac)
      return
    case 'macvlan':
    case 'ipvlan':
    case 'bridge':
      return
  }
}

/** A macvlan on a macvlan stands on that one's parent in truth, an ipvlan on an ipvlan likewise. */
export function needLower(world: FakeWorld, link: MadeLink): StoredLink | undefined {
  if (link.kind === 'vxlan') return needLink(world, { netns: '', name: link.underlay })
  const ref = parentOf(link)
  if (ref === undefined) return undefined
  const parent = needLink(world, ref)
  const grandparent = link.kind !== 'vlan' && parent.kind === link.kind ? parentOf(parent) : undefined
  return grandparent === undefined ? parent : needLink(world, grandparent)
}

export function needBridge(world: FakeWorld, netns: string, name: string): StoredLink {
  const bridge = needOurs(world, { netns, name })
  if (bridge.kind !== 'bridge') refuse('EOPNOTSUPP', 'master is no bridge', name)
  return bridge
}

/** What is in the way of the link, once its name is free. */
export function checkKind(world: FakeWorld, link: MadeLink, lower: StoredLink | undefined): void {
  const siblings = [...world.links.values()].filter((other) => lower && lowerKey(other) === linkKey(lower))
  switch (link.kind) {
    case 'vxlan':
      refuseSameVni(world, link)
      return
    case 'macvlan': {
      const passthru = (other: Link) => other.kind === 'macvlan' && other.mode === 'passthru'
      const children = siblings.filter((other) => other.kind === 'macvlan')
      refuseBusy(lower, siblings, 'ipvlan')
      if (link.mode === 'passthru' ? children.length > 0 : children.some(passthru)) {
        refuse('EINVAL', 'a passthru link shares its parent with none', link.name)
      }
      return
    }
    case 'ipvlan':
      refuseBusy(lower, siblings, 'macvlan')
      return
    case 'vlan': {
      const taken = siblings.find(
        (other) => other.kind === 'vlan' && other.vlanId === link.vlanId && other.protocol === link.protocol,
      )
      if (taken !== undefined) refuse('EEXIST', 'link exists already', link.name, `vlan ${taken.name} has the id`)
      if ((link.mtu ?? 0) > (lower?.mtu ?? MAX_MTU)) refuse('ERANGE', 'MTU above the parent', link.name)
      return
    }
    case 'veth':
      if (link.peer === undefined) return
      needNetns(world, link.peer.netns)
      if (linkKey(link.peer) === linkKey(link)) refuse('EEXIST', 'link exists already', link.peer.name)
      refuseTaken(world, link.peer.netns, link.peer.name)
      return
    case 'bridge':
      return
  }
}

/** One receiver a link (netdev_rx_handler_register): a bridge, macvlan children or ipvlan children. */
function refuseBusy(lower: StoredLink | undefined, siblings: readonly StoredLink[], rival: Link['kind']): void {
  if (lower?.master) refuse('EBUSY', 'parent is a bridge port', lower.name)
  if (siblings.some((other) => other.kind === rival))
    refuse('EBUSY', `parent carries ${rival} links`, lower?.name ?? '')
}

export function refuseTaken(world: FakeWorld, netns: string, name: string): void {
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

function checkName(name: string): void {
  const fits =
    Buffer.byteLength(name) <= INTERFACE_NAME_BYTES && /^[^\s/:]+$/.test(name) && name !== '.' && name !== '..'
  if (!fits) refuse('EINVAL', 'not an interface name', name)
}

export function checkMac(mac: string | undefined): void {
  if (mac === undefined) return
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac)) refuse('EINVAL', 'not a MAC address', mac)
  const multicast = (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1
  if (multicast || /^(00:){5}00$/.test(mac)) refuse('EADDRNOTAVAIL', 'no unicast MAC address', mac)
}

export function checkMtuRange(mtu: number | undefined): void {
  if (mtu !== undefined && (mtu < MIN_MTU || mtu > MAX_MTU)) refuse('EINVAL', 'MTU out of range', String(mtu))
}
