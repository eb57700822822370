import { describe, expect, it } from 'vitest'
import { formatOp } from './format-op.ts'
import type { Op } from './op.ts'

const on = { netns: 'weft', link: 'wfx1' }
const link = { netns: 'weft', name: 'wfx1', mac: '02:00:00:00:00:0a', mtu: 1450 }

describe('ops as lines', () => {
  it.each<[Op, string]>([
    [
      {
        op: 'link-add',
        link: {
          kind: 'vxlan',
          ...link,
          vni: 7,
          underlay: 'eth0',
          local: '192.0.2.1',
          udpPort: 4789,
          learning: false,
          proxy: true,
        },
      },
      'ip -n weft link add wfx1 address 02:00:00:00:00:0a mtu 1450 type vxlan id 7 local 192.0.2.1 dev eth0 dstport 4789 nolearning proxy',
    ],
    [
      {
        op: 'link-add',
        link: { kind: 'macvlan', netns: '', name: 'wfc1', parent: { netns: 'weft', name: 'wfx1' }, mode: 'bridge' },
      },
      'ip link add wfc1 link wfx1@weft type macvlan mode bridge',
    ],
    [
      {
        op: 'link-add',
        link: {
          kind: 'ipvlan',
          netns: '',
          name: 'wfc1',
          parent: { netns: '', name: 'eth1' },
          mode: 'l3s',
          flag: 'private',
        },
      },
      'ip link add wfc1 link eth1 type ipvlan mode l3s private',
    ],
    [
      {
        op: 'link-add',
        link: { kind: 'veth', netns: 'weft', name: 'wfp1', master: 'wfb1', peer: { netns: '', name: 'wfc1' } },
      },
      'ip -n weft link add wfp1 master wfb1 type veth peer wfc1',
    ],
    [
      {
        op: 'link-add',
        link: {
          kind: 'vlan',
          netns: '',
          name: 'eth1.5',
          parent: { netns: '', name: 'eth1' },
          vlanId: 5,
          protocol: '802.1ad',
        },
      },
      'ip link add eth1.5 link eth1 type vlan protocol 802.1ad id 5',
    ],
    [{ op: 'link-add', link: { kind: 'bridge', netns: 'weft', name: 'wfb1' } }, 'ip -n weft link add wfb1 type bridge'],
    [{ op: 'link-delete', netns: '', name: 'wfc1' }, 'ip link del wfc1'],
    [{ op: 'link-delete', netns: '', name: 'wfc1', why: 'vni 1 -> 2' }, 'ip link del wfc1 # vni 1 -> 2'],
    [
      {
        op: 'link-set',
        netns: '',
        name: 'a',
        set: { mtu: 1400, master: null, port: { learning: false, flood: true }, up: false, ipv6: true },
      },
      'ip link set a mtu 1400 nomaster learning off flood on down ipv6 on',
    ],
    [{ op: 'address-add', address: { ...on, address: '10.0.0.1/24' } }, 'ip -n weft addr add 10.0.0.1/24 dev wfx1'],
    [{ op: 'address-delete', address: { ...on, address: '10.0.0.1/24' } }, 'ip -n weft addr del 10.0.0.1/24 dev wfx1'],
    [
      { op: 'route-set', route: { ...on, destination: '0.0.0.0/0', via: '10.0.0.1' } },
      'ip -n weft route replace 0.0.0.0/0 via 10.0.0.1 dev wfx1',
    ],
    [{ op: 'route-delete', route: { ...on, destination: '10.0.0.0/8' } }, 'ip -n weft route del 10.0.0.0/8 dev wfx1'],
    [
      { op: 'neighbour-set', neighbour: { ...on, ip: '10.0.0.2', mac: 'm' } },
      'ip -n weft neigh replace 10.0.0.2 lladdr m dev wfx1 nud permanent',
    ],
    [
      { op: 'neighbour-delete', neighbour: { ...on, ip: '10.0.0.2', mac: 'm' } },
      'ip -n weft neigh del 10.0.0.2 dev wfx1',
    ],
    [
      { op: 'fdb-set', entry: { ...on, mac: 'm', vtep: '192.0.2.2' } },
      'bridge -n weft fdb replace m dev wfx1 dst 192.0.2.2 self permanent',
    ],
    [
      { op: 'fdb-set', entry: { ...on, mac: '00:00:00:00:00:00', vtep: '192.0.2.2' } },
      'bridge -n weft fdb append 00:00:00:00:00:00 dev wfx1 dst 192.0.2.2 self permanent',
    ],
    [{ op: 'fdb-delete', entry: { ...on, mac: 'm' } }, 'bridge -n weft fdb del m dev wfx1 master static'],
    [
      {
        op: 'nft-table-set',
        table: {
          ...{ netns: '', family: 'inet', name: 'weft_x' },
          sets: [{ kind: 'set', name: 'a', of: 'type ipv4_addr', elements: ['10.0.0.1', '10.0.0.2'] }],
          chains: [{ name: 'b', rules: ['accept'] }],
        },
      },
      'nft add table inet weft_x # replaced: 1 rules, 2 elements',
    ],
    [
      { op: 'nft-table-delete', table: { netns: 'weft', family: 'netdev', name: 'weft_x' } },
      'nsenter --net=/run/netns/weft nft delete table netdev weft_x',
    ],
  ])('%#', (op, line) => {
    expect(formatOp(op)).toBe(line)
  })
})
