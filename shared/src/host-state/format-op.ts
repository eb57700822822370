import { type Link, parentOf } from './host-state.ts'
import type { NftTableRef } from './nft-table.ts'
import type { Op } from './op.ts'

/** An op as the iproute2 or nft line that would do the same: for logs and errors, never run. */
export function formatOp(op: Op): string {
  switch (op.op) {
    case 'netns-add':
      return `ip netns add ${op.namespace.netns}${op.namespace.forwarding ? ' # forwarding' : ''}`
    case 'netns-delete':
      return `ip netns del ${op.netns}`
    case 'link-add':
      return `${ip(op.link.netns)} link add ${op.link.name} ${linkText(op.link)}`
    case 'link-delete':
      return `${ip(op.netns)} link del ${op.name}${op.why === undefined ? '' : ` # ${op.why}`}`
    case 'link-set':
      return `${ip(op.netns)} link set ${op.name} ${setText(op.set)}`
    case 'address-add':
      return `${ip(op.address.netns)} addr add ${op.address.address} dev ${op.address.link}`
    case 'address-delete':
      return `${ip(op.address.netns)} addr del ${op.address.address} dev ${op.address.link}`
    case 'route-set':
    case 'route-delete': {
      const { netns, destination, via, link } = op.route
      const verb = op.op === 'route-set' ? 'replace' : 'del'
      return `${ip(netns)} route ${verb} ${destination}${via === undefined ? '' : ` via ${via}`} dev ${link}`
    }
    case 'neighbour-set':
      return `${ip(op.neighbour.netns)} neigh replace ${op.neighbour.ip} lladdr ${op.neighbour.mac} dev ${op.neighbour.link} nud permanent`
    case 'neighbour-delete':
      return `${ip(op.neighbour.netns)} neigh del ${op.neighbour.ip} dev ${op.neighbour.link}`
    case 'fdb-set':
    case 'fdb-delete': {
      const { netns, link, mac, vtep } = op.entry
      const verb = op.op === 'fdb-delete' ? 'del' : mac === '00:00:00:00:00:00' ? 'append' : 'replace'
      const where = vtep === undefined ? 'master static' : `dst ${vtep} self permanent`
      return `bridge${inNetns(netns)} fdb ${verb} ${mac} dev ${link} ${where}`
    }
    case 'nft-table-set': {
      const { sets, chains } = op.table
      const elements = sets.reduce((sum, set) => sum + set.elements.length, 0)
      const rules = chains.reduce((sum, chain) => sum + chain.rules.length, 0)
      const ahead = op.coming === undefined ? '' : `, ahead of ${op.coming.link.name}`
      return `${nft(op.table)} # replaced: ${rules} rules, ${elements} elements${ahead}`
    }
    case 'nft-table-delete':
      return nft(op.table, 'delete')
    case 'flows-forget':
      return op.ports.map((port) => `conntrack -D -p ${op.protocol} --orig-port-dst ${port}`).join('; ')
    case 'host-forwarding-set':
      return `host forwarding ${op.families.map((family) => `ipv${family}`).join(' ') || 'not needed'}`
  }
}

function nft({ netns, family, name }: NftTableRef, verb = 'add'): string {
  const where = netns === '' ? '' : `nsenter --net=${netns.startsWith('/') ? netns : `/run/netns/${netns}`} `
  return `${where}nft ${verb} table ${family} ${name}`
}

function ip(netns: string): string {
  return `ip${inNetns(netns)}`
}

function inNetns(netns: string): string {
  return netns === '' ? '' : ` -n ${netns}`
}

function linkText(link: Link): string {
  const common = [
    link.mac === undefined ? '' : `address ${link.mac}`,
    link.mtu === undefined ? '' : `mtu ${link.mtu}`,
    typeof link.master === 'string' ? `master ${link.master}` : '',
    `type ${link.kind === 'other' ? (link.kernelKind ?? 'other') : link.kind}`,
    kindText(link),
  ]
  const parent = parentOf(link)
  const on = parent === undefined ? '' : `link ${refText(parent)}`
  return [on, ...common].filter((part) => part !== '').join(' ')
}

function kindText(link: Link): string {
  switch (link.kind) {
    case 'vxlan': {
      const flags = [link.learning ? 'learning' : 'nolearning', ...(link.proxy ? ['proxy'] : [])].join(' ')
      return `id ${link.vni} local ${link.local} dev ${link.underlay} dstport ${link.udpPort} ${flags}`
    }
    case 'veth':
      return link.peer === undefined ? '' : `peer ${refText(link.peer)}`
    case 'macvlan':
      return `mode ${link.mode}`
    case 'ipvlan':
      return `mode ${link.mode} ${link.flag}`
    case 'vlan':
      return `protocol ${link.protocol} id ${link.vlanId}`
    case 'bridge':
    case 'other':
      return ''
  }
}

function refText(ref: { netns: string; name: string }): string {
  return ref.netns === '' ? ref.name : `${ref.name}@${ref.netns}`
}

function setText(set: Extract<Op, { op: 'link-set' }>['set']): string {
  return Object.entries(set)
    .map(([name, value]) => {
      if (name === 'up') return value ? 'up' : 'down'
      if (name === 'master') return value === null ? 'nomaster' : `master ${String(value)}`
      if (name === 'port')
        return Object.entries(value as Record<string, boolean>)
          .map(onOff)
          .join(' ')
      return typeof value === 'boolean' ? onOff([name, value]) : `${name} ${JSON.stringify(value).replaceAll('"', '')}`
    })
    .join(' ')
}

function onOff([name, value]: [string, boolean]): string {
  return `${name} ${value ? 'on' : 'off'}`
}
