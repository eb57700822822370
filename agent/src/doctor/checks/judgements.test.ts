/** What each check says of facts; how facts are got is tried in the lab. */
import { describe, expect, it } from 'vitest'
import type { PairFacts, PathFacts, Verdict } from './check.ts'
import { clock } from './clock.ts'
import { disk } from './disk.ts'
import { docker } from './docker.ts'
import { forwarding } from './forwarding.ts'
import { identity } from './identity.ts'
import { kernel } from './kernel.ts'
import { managers } from './managers.ts'
import { neighbours } from './neighbours.ts'
import { netfilter } from './netfilter.ts'
import { offload } from './offload.ts'
import { pathMtu } from './path-mtu.ts'
import { plugin } from './plugin.ts'
import { reconcile } from './reconcile.ts'
import { HOST_CHECKS, PAIR_CHECKS } from './registry.ts'
import { routes } from './routes.ts'
import { udpPort } from './udp-port.ts'
import { wire } from './wire.ts'

/** Severities and all that is said, to look for words in. */
function said(verdicts: readonly Verdict[]): { severities: string[]; text: string } {
  for (const verdict of verdicts) {
    const ill = verdict.severity === 'warn' || verdict.severity === 'error'
    if (ill) expect([verdict.why, verdict.remedy], 'says why, and what mends it').not.toContain(undefined)
  }
  return { severities: verdicts.map(({ severity }) => severity), text: JSON.stringify(verdicts) }
}

const MIB = 1024 * 1024
const ENGINE = { version: '28.5.2', liveRestore: true, root: '/var/lib/docker', networks: ['docker_gwbridge'] }
const OPEN = { drops: false, rules: [] }
const SHUT = { drops: false, rules: [], blocker: '-A FORWARD -j REJECT' }
const KEPT = {
  networkd: true,
  networkManager: true,
  foreignRoutesKept: true,
  foreignRulesKept: true,
  linksUnmanaged: true,
  macsKept: true,
  managerKeepsOff: true,
}
const feature = (name: string, more: object = {}) => ({ name, module: name, vital: true, networks: [], ...more })
const filter = (...peers: string[]) => [{ udpPort: 4789, vni: 4097, peers }]

const HOST_CASES: [string, readonly Verdict[], string[], string[]][] = [
  ['clock: alike', clock.judge({ aheadMs: -20 }), ['ok'], ['20 ms behind']],
  ['clock: seconds apart', clock.judge({ aheadMs: 2_000 }), ['warn'], ['2000 ms ahead', 'timedatectl']],
  ['clock: far apart', clock.judge({ aheadMs: -3_600_000 }), ['error'], ['3600000 ms behind']],
  ['disk: room', disk.judge([{ folder: '/d', freeBytes: 5000 * MIB, totalBytes: 9000 * MIB }]), ['ok'], ['5000 MiB']],
  [
    'disk: little',
    disk.judge([{ folder: '/d', freeBytes: 500 * MIB, totalBytes: 9000 * MIB }]),
    ['warn'],
    ['df -h /d'],
  ],
  ['disk: full', disk.judge([{ folder: '/d', freeBytes: 0, totalBytes: 9000 * MIB }]), ['error'], ['0 MiB of 9000']],
  [
    'docker: fine',
    docker.judge({ engine: ENGINE, throughGateway: ['a'], keeping: [] }),
    ['ok'],
    ['Docker 28.5.2, live-restore on'],
  ],
  [
    'docker: silent',
    docker.judge({ engine: { trouble: 'no' }, throughGateway: [], keeping: [] }),
    ['error'],
    ['systemctl status'],
  ],
  [
    'docker: old',
    docker.judge({ engine: { ...ENGINE, version: '19.03.8' }, throughGateway: [], keeping: [] }),
    ['error'],
    ['20.10'],
  ],
  [
    'docker: garbage',
    docker.judge({ engine: { ...ENGINE, version: 'dev' }, throughGateway: [], keeping: [] }),
    ['error'],
    ['dev'],
  ],
  [
    'docker: 20.10',
    docker.judge({ engine: { ...ENGINE, version: '20.10.24' }, throughGateway: [], keeping: [] }),
    ['ok'],
    ['IPv6'],
  ],
  [
    'docker: 29',
    docker.judge({ engine: { ...ENGINE, version: '29.1.0' }, throughGateway: [], keeping: [] }),
    ['warn'],
    ['53089'],
  ],
  [
    'docker: 29 without live-restore',
    docker.judge({ engine: { ...ENGINE, version: '29.1.0', liveRestore: false }, throughGateway: [], keeping: [] }),
    ['ok'],
    ['live-restore off'],
  ],
  [
    'docker: no way out',
    docker.judge({ engine: { ...ENGINE, networks: [] }, throughGateway: ['mynet'], keeping: [] }),
    ['ok', 'error'],
    ['no network docker_gwbridge', 'mynet', 'docker network create'],
  ],
  [
    'docker: no way out needed',
    docker.judge({ engine: { ...ENGINE, networks: [] }, throughGateway: [], keeping: [] }),
    ['ok'],
    [],
  ],
  [
    'docker: containers with a way out of before',
    docker.judge({ engine: ENGINE, throughGateway: [], keeping: [{ name: 'web', network: 'front', egress: 'weft' }] }),
    ['ok', 'warn'],
    ['web of front keeps egress=weft', 'docker restart web'],
  ],
  ['identity: alone', identity.judge({ address: '10.0.0.1', peers: { b: '10.0.0.2' } }), ['ok'], []],
  [
    'identity: a twin',
    identity.judge({ address: '10.0.0.1', peers: { b: '10.0.0.1' } }),
    ['error'],
    ['host b', '--vtep'],
  ],
  ['kernel: all', kernel.judge([feature('vxlan'), feature('bridge')]), ['ok'], ['vxlan, bridge']],
  [
    'kernel: lacks what is vital',
    kernel.judge([feature('vxlan', { trouble: 'Operation not supported' })]),
    ['error'],
    ['makes no vxlan: Operation not supported', 'modprobe vxlan'],
  ],
  [
    'kernel: lacks what nobody needs',
    kernel.judge([feature('ipvlan', { vital: false, trouble: 'no' })]),
    ['warn'],
    ['modprobe ipvlan'],
  ],
  [
    'kernel: lacks what a network needs',
    kernel.judge([feature('802.1Q', { module: '8021q', vital: false, networks: ['storage'], trouble: 'no' })]),
    ['error'],
    ['network storage', 'modprobe 8021q'],
  ],
  ['managers: kept off', managers.judge(KEPT), ['ok'], ['systemd-networkd, NetworkManager kept off']],
  ['managers: none', managers.judge({ ...KEPT, networkd: false, networkManager: false }), ['ok'], ['neither']],
  [
    'managers: no drop-ins',
    managers.judge({ ...KEPT, foreignRoutesKept: false, macsKept: false, managerKeepsOff: false }),
    ['warn', 'warn', 'warn'],
    ['ManageForeignRoutes=no', '10-weft.link', 'NetworkManager', 'apt-get install --reinstall weft'],
  ],
  ['managers: drop-ins of none', managers.judge({ ...KEPT, networkd: false, macsKept: false }), ['ok'], []],
  [
    'forwarding: let through',
    forwarding.judge({ families: [4, 6], chains: { 4: OPEN, 6: { drops: true, rules: ['ours'] } }, firewalld: false }),
    ['ok'],
    ['let through'],
  ],
  [
    'forwarding: not used',
    forwarding.judge({ families: [], chains: { 4: SHUT, 6: SHUT }, firewalld: true }),
    ['ok'],
    [],
  ],
  [
    'forwarding: dropped before',
    forwarding.judge({ families: [4], chains: { 4: SHUT, 6: SHUT }, firewalld: true }),
    ['error', 'warn'],
    ['-j REJECT', 'iptables -I FORWARD -i wfg+ -j ACCEPT', 'firewall-cmd'],
  ],
  ['neighbours: room', neighbours.judge({ endpoints: 10, limits: { ipv4: 1024, ipv6: 1024 } }), ['ok', 'ok'], []],
  [
    'neighbours: half full',
    neighbours.judge({ endpoints: 512, limits: { ipv4: 1024 } }),
    ['warn'],
    ['gc_thresh3=4096'],
  ],
  ['neighbours: full', neighbours.judge({ endpoints: 5000, limits: { ipv6: 1024 } }), ['error'], ['gc_thresh3=32768']],
  ['neighbours: not shown', neighbours.judge({ endpoints: 5, limits: {} }), ['skipped'], ['initial']],
  ['netfilter: off', netfilter.judge({ fabric: false, host: true, underlay: 'eth0', bridge: undefined }), ['ok'], []],
  [
    'netfilter: on where we switch',
    netfilter.judge({ fabric: true, host: true, underlay: 'eth0', bridge: undefined }),
    ['error'],
    ['ip netns exec weft sysctl -w'],
  ],
  [
    'netfilter: on under the underlay',
    netfilter.judge({ fabric: false, host: true, underlay: 'eth0', bridge: 'br0' }),
    ['warn'],
    ['eth0 is on bridge br0'],
  ],
  ['plugin: answers', plugin.judge({ socket: '/s' }), ['ok'], []],
  ['plugin: gone', plugin.judge({ socket: '/s', trouble: 'ENOENT' }), ['error'], ['/s: ENOENT', 'weft-agent.socket']],
  ['intent: kept', reconcile.judge({ problems: [], wanted: filter('1'), found: filter('1', '2') }), ['ok'], []],
  ['intent: none yet', reconcile.judge({ problems: [], wanted: [], found: undefined }), ['skipped'], []],
  [
    'intent: unguarded',
    reconcile.judge({ problems: [], wanted: filter('1'), found: [] }),
    ['error'],
    ['not guard VNI 4097 on UDP 4789'],
  ],
  [
    'intent: a peer shut out',
    reconcile.judge({ problems: [], wanted: filter('1'), found: filter() }),
    ['error'],
    ['of 1'],
  ],
  [
    'routes: none in the way',
    routes.judge({
      routes: [{ destination: '10.2.0.0/16', link: 'tun0' }],
      networks: [{ name: 'mynet', subnets: ['10.1.0.0/24'], onWire: false }],
    }),
    ['ok'],
    [],
  ],
  [
    'routes: a VPN over a network',
    routes.judge({
      routes: [{ destination: '10.0.0.0/8', link: 'tun0' }],
      networks: [{ name: 'mynet', subnets: ['fd01::/64', '10.1.0.0/24'], onWire: false }],
    }),
    ['error'],
    ['route 10.0.0.0/8 on tun0 overlaps 10.1.0.0/24 of network mynet', 'ip route del 10.0.0.0/8 dev tun0'],
  ],
  [
    'routes: the wire is its own',
    routes.judge({
      routes: [{ destination: '10.1.0.0/24', link: 'eth1' }],
      networks: [{ name: 'wired', subnets: ['10.1.0.0/24'], onWire: true }],
    }),
    ['ok'],
    [],
  ],
]

const GOOD: PathFacts = {
  tried: true,
  answered: true,
  heard: true,
  peerHeard: 3,
  pinged: false,
  largest: 1500,
  tcp: { bytes: 1048576, ms: 20, intact: true },
}
const DEAD: PathFacts = { ...GOOD, answered: false, heard: false, peerHeard: 0, largest: undefined, tcp: undefined }
const pair = (path: Partial<PathFacts> = {}, more: Partial<PairFacts> = {}): PairFacts => ({
  host: 'a',
  peer: 'b',
  udpPort: 4789,
  underlay: { interface: 'eth0', mtu: 1500 },
  overlays: [{ name: 'mynet', mtu: 1450, overheadBytes: 50 }],
  path: { ...GOOD, ...path } as PathFacts,
  wires: [],
  ...more,
})
const NOT_TRIED = pair({}, { path: { tried: false, reason: 'File exists' } })
const onWire = (more: object, path: Partial<PathFacts> = {}) =>
  pair(path, {
    wires: [
      {
        ...{ parent: 'eth1.100', networks: ['mynet2'], tagged: true, answered: false, heard: false },
        ...{ macs: 'own' as const, ownMac: { heard: false, peerHeard: false }, ...more },
      },
    ],
  })

const PAIR_CASES: [string, readonly Verdict[], string[], string[]][] = [
  ['udp-port: open', udpPort.judge(pair()), ['ok'], ['UDP 4789 passes both ways']],
  [
    'udp-port: shut towards us',
    udpPort.judge(pair(DEAD)),
    ['error'],
    ['from b does not arrive at a', 'on a: nft list'],
  ],
  [
    'udp-port: shut towards the peer',
    udpPort.judge(pair({ ...DEAD, heard: true })),
    ['error'],
    ['from a does not arrive at b; the other way it does', 'on b: nft list'],
  ],
  ['udp-port: only ping passes', udpPort.judge(pair({ ...DEAD, pinged: true })), ['ok'], []],
  ['udp-port: not tried', udpPort.judge(NOT_TRIED), ['skipped'], ['File exists']],
  ['path-mtu: whole', pathMtu.judge(pair()), ['ok'], ['1500 bytes pass between a and b']],
  [
    'path-mtu: a network sends more',
    pathMtu.judge(pair({ largest: 1400 })),
    ['error'],
    ['1400 bytes pass between a and b', 'limits network mynet', 'network create -o mtu=1350 mynet'],
  ],
  [
    'path-mtu: less than the interface, enough for networks',
    pathMtu.judge(pair({ largest: 1460 }, { overlays: [{ name: 'small', mtu: 1400, overheadBytes: 50 }] })),
    ['warn'],
    ['ip link set dev eth0 mtu 1460'],
  ],
  ['path-mtu: not tried', pathMtu.judge(pair(DEAD)), ['skipped'], []],
  ['offload: intact', offload.judge(pair()), ['ok'], ['1048576 bytes']],
  [
    'offload: TCP hangs',
    offload.judge(pair({ tcp: { bytes: 1, ms: 2500, intact: false, trouble: 'it hangs after 2500 ms' } })),
    ['error'],
    ['it hangs', 'ethtool -K eth0 tx-udp_tnl-segmentation off'],
  ],
  [
    'offload: altered on the way',
    offload.judge(pair({ tcp: { bytes: 1, ms: 5, intact: false } })),
    ['error'],
    ['arrived altered'],
  ],
  ['offload: ping passes, UDP dies', offload.judge(pair({ ...DEAD, pinged: true })), ['error'], ['though ping passes']],
  ['offload: nothing passes', offload.judge(pair(DEAD)), ['skipped'], []],
  ['wire: none', wire.judge(pair()), [], []],
  ['wire: shared', wire.judge(onWire({ answered: true, heard: true })), ['ok'], ['eth1.100 (network mynet2)']],
  [
    'wire: VLAN not trunked',
    wire.judge(onWire({})),
    ['error'],
    ['no frame of eth1.100', 'hosts themselves reach', 'trunk the VLAN', 'tcpdump -e -n -i eth1 vlan'],
  ],
  ['wire: one way', wire.judge(onWire({ heard: true })), ['error'], ['come from b to a, but none goes the other way']],
  [
    'wire: foreign MACs filtered',
    wire.judge(onWire({ ownMac: { heard: true, peerHeard: true } })),
    ['error'],
    ["only the NIC's own MAC", 'with the interfaces', 'promiscuous', 'ipvlan'],
  ],
  [
    'wire: own MACs pass one way only',
    wire.judge(onWire({ heard: true, ownMac: { heard: true, peerHeard: false } })),
    ['error'],
    ['trunk the VLAN on both switch ports'],
  ],
  [
    'wire: not shared',
    wire.judge(onWire({ parent: 'eth1', tagged: false })),
    ['error'],
    ['whatever its MAC', 'different wires', 'overlay'],
  ],
  ['wire: not tried', wire.judge(onWire({ trouble: 'Cannot find device' })), ['skipped'], ['Cannot find device']],
]

describe('judgements', () => {
  it.each([...HOST_CASES, ...PAIR_CASES])('%s', (_, verdicts, severities, words) => {
    const seen = said(verdicts)
    expect(seen.severities).toEqual(severities)
    for (const word of words) expect(seen.text).toContain(word)
  })

  it('tells of every problem of a pass, with its remedy', () => {
    const problems = [{ code: 'conflict', message: 'parent eth9 is missing', remedy: 'plug it in' }]
    expect(reconcile.judge({ problems, wanted: [], found: [] })).toMatchObject([
      { severity: 'error', measured: 'parent eth9 is missing', remedy: 'plug it in' },
    ])
  })

  it('has a name for every check, each once, and a case of its own', () => {
    const names = [...HOST_CHECKS, ...PAIR_CHECKS].map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    const tried = [...HOST_CASES, ...PAIR_CASES].map(([name]) => name.split(':')[0])
    expect(names.filter((name) => !tried.includes(name))).toEqual([])
  })
})
