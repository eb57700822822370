/** An op as the iproute2 command that would do the same; for logs and errors, never run. */
import type { Link, Op } from '@weft/shared'

export function opText(op: Op): string {
  switch (op.op) {
    case 'link-add':
      return `${ip(op.link.netns)} link add ${op.link.name} ${linkText(op.link)}`
    case 'link-delete':
      return `${ip(op.netns)} link del ${op.name}`
    case 'link-set':
      return `${ip(op.netns)} link set ${op.name} ${setText(op.set)}`
    case 'address-add':
    case 'address-delete':
      return `${ip(op.address.netns)} addr ${op.op === 'address-add' ? 'replace' : 'del'} ${op.address.address} dev ${op.address.link}`
    case 'route-set':
    case 'route-delete': {
      const { netns, destination, via, link } = op.route
      return `${ip(netns)} route ${op.op === 'route-set' ? 'replace' : 'del'} ${destination}${via ? ` via ${via}` : ''} dev ${link}`
    }
    case 'neighbour-set':
    case 'neighbour-delete': {
      const { netns, link, ip: address, mac } = op.neighbour
      return `${ip(netns)} neigh ${op.op === 'neighbour-set' ? 'replace' : 'del'} ${address} lladdr ${mac} dev ${link} nud permanent`
    }
    case 'fdb-set':
    case 'fdb-delete': {
      const { netns, link, mac, vtep } = op.entry
      const where = vtep === undefined ? 'master static' : `self dst ${vtep}`
      return `${bridge(netns)} fdb ${op.op === 'fdb-set' ? 'replace' : 'del'} ${mac} dev ${link} ${where}`
    }
    case 'vxlan-filter-set':
      return `nft replace table inet weft_vxlan: ${op.filters.map((filter) => `udp ${filter.udpPort} vni ${filter.vni} from ${filter.peers.length} peers`).join(', ')}`
  }
}

function ip(netns: string): string {
  return netns === '' ? 'ip' : `ip -n ${netns}`
}

function bridge(netns: string): string {
  return netns === '' ? 'bridge' : `bridge -n ${netns}`
}

function linkText(link: Link): string {
  const parts: string[] = []
  if ('parent' in link) parts.push(`link ${link.parent.name}`)
  if (link.mac !== undefined) parts.push(`address ${link.mac}`)
  if (link.mtu !== undefined) parts.push(`mtu ${link.mtu}`)
  if (link.master) parts.push(`master ${link.master}`)
  parts.push(`type ${link.kind}`)
  if (link.kind === 'vxlan')
    parts.push(`id ${link.vni} local ${link.local} dev ${link.underlay} dstport ${link.udpPort}`)
  if (link.kind === 'veth' && link.peer) parts.push(`peer ${link.peer.name} netns ${link.peer.netns || 'own'}`)
  if (link.kind === 'macvlan') parts.push(`mode ${link.mode}`)
  if (link.kind === 'ipvlan') parts.push(`mode ${link.mode} ${link.flag}`)
  if (link.kind === 'vlan') parts.push(`proto ${link.protocol} id ${link.vlanId}`)
  return parts.join(' ')
}

function setText(set: Extract<Op, { op: 'link-set' }>['set']): string {
  return Object.entries(set)
    .map(([name, value]) => (typeof value === 'object' ? `${name} ${JSON.stringify(value)}` : `${name} ${value}`))
    .join(' ')
}
