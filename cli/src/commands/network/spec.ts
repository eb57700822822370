/** `weft network`: the words and flags of `docker network`. */
import { type GroupSpec, INSPECT_FORMAT, listOptions } from '../spec.ts'

export const NO_WAIT = { flags: '--no-wait', summary: 'do not wait for the hosts at all' } as const
export const WAIT = {
  flags: '--wait',
  summary: 'exit 7 when a host has not followed after 10 s (else a warning)',
} as const

export const networkSpec: GroupSpec = {
  name: 'network',
  summary: 'Networks: create, list, inspect, update, remove, prune; connect containers',
  examples: [
    { line: 'weft network create --subnet 10.20.0.0/24 mynet', does: 'an overlay on all hosts' },
    { line: 'weft network ls', does: 'what exists' },
  ],
  commands: [
    {
      name: 'create',
      summary: 'Create a network on all hosts; prints its id',
      examples: [
        { line: 'weft network create mynet', does: 'an overlay with a subnet of Weft’s choice' },
        { line: 'weft network create --subnet 10.20.0.0/24 --subnet fd20::/64 mynet', does: 'dual stack' },
        { line: 'weft network create --ipv4=false --subnet fd20::/64 mynet', does: 'IPv6 only' },
        {
          line: 'weft network create -d macvlan -o parent=eth1.100 --subnet 20.0.0.0/24 lan',
          does: 'on a VLAN of the wire',
        },
        { line: 'weft network create --dry-run --subnet 10.20.0.0/24 mynet', does: 'only say what would be made' },
      ],
      details: 'Waits up to 10 s until every host has the network, and names those that have not.',
      arguments: [{ name: '<NAME>', summary: '1 to 63 of a-z, 0-9 and -' }],
      options: [
        { flags: '-d, --driver <DRIVER>', summary: 'overlay, macvlan, bridge, …', default: 'overlay', hint: 'drivers' },
        { flags: '--subnet <CIDR>', summary: 'subnet, IPv4 or IPv6; repeatable', many: true },
        { flags: '--gateway <IP>', summary: 'gateway of the subnet that contains it; repeatable', many: true },
        { flags: '--ip-range <CIDR>', summary: 'give addresses out of this part of a subnet; repeatable', many: true },
        { flags: '--aux-address <NAME=IP>', summary: 'address that is never given out; repeatable', many: true },
        { flags: '-o, --opt <KEY=VALUE>', summary: "driver's option; repeatable", many: true },
        { flags: '--label <KEY=VALUE>', summary: 'label; repeatable', many: true },
        { flags: '--internal', summary: 'no way to the outside' },
        { flags: '--ipv4 <true|false>', summary: 'false makes it IPv6-only', default: 'true', hint: ['true', 'false'] },
        { flags: '--ipv6', summary: 'with IPv6; without an IPv6 subnet one is chosen' },
        { flags: '--dry-run', summary: 'say what would be made and on which hosts; change nothing' },
        WAIT,
        NO_WAIT,
      ],
      api: true,
      load: () => import('./create.ts'),
    },
    {
      name: 'ls',
      aliases: ['list'],
      summary: 'List networks',
      examples: [
        { line: 'weft network ls', does: 'all networks' },
        { line: 'weft network ls -f driver=macvlan -f label=team=web', does: 'some' },
        { line: "weft network ls --format '{{.Name}}: {{.Subnets}}'", does: 'by a Go template, as Docker’s' },
        { line: 'weft network ls --format json', does: 'one JSON array' },
      ],
      options: listOptions(['name', 'driver', 'label', 'id', 'scope', 'dangling']),
      api: true,
      load: () => import('./ls.ts'),
    },
    {
      name: 'inspect',
      summary: 'Show networks with their subnets, options and containers (JSON array, as Docker)',
      examples: [
        { line: 'weft network inspect mynet', does: 'one network' },
        { line: "weft network inspect -f '{{(index .IPAM.Config 0).Subnet}}' mynet", does: 'its first subnet' },
        {
          line: "weft network inspect -f '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{println}}{{end}}' mynet",
          does: 'who is on it',
        },
      ],
      arguments: [{ name: '<NETWORK...>', summary: 'names or ids', hint: 'networks' }],
      options: [INSPECT_FORMAT],
      api: true,
      load: () => import('./inspect.ts'),
    },
    {
      name: 'update',
      summary: 'Change a living network: labels, options, ranges, auxiliary addresses, more subnets',
      examples: [
        { line: 'weft network update --label-add team=web --label-rm old mynet', does: 'its labels' },
        { line: 'weft network update -o mtu=1400 mynet', does: 'in running containers, too' },
        { line: 'weft network update --subnet 10.21.0.0/24 mynet', does: 'more addresses' },
        { line: 'weft network update --dry-run --ip-range 10.20.0.128/25 mynet', does: 'only say what would change' },
      ],
      details: 'Running containers keep running. What needs a new network is refused, with the reason.',
      arguments: [{ name: '<NETWORK>', summary: 'name or id', hint: 'networks' }],
      options: [
        { flags: '--label-add <KEY=VALUE>', summary: 'set a label; repeatable', many: true },
        { flags: '--label-rm <KEY>', summary: 'take a label away; repeatable', many: true },
        { flags: '-o, --opt <KEY=VALUE>', summary: "driver's option, as far as it is live; repeatable", many: true },
        { flags: '--opt-rm <KEY>', summary: 'take an option back; repeatable', many: true },
        { flags: '--ip-range <CIDR>', summary: 'choose addresses there; a whole subnet: everywhere', many: true },
        { flags: '--aux-address <NAME=IP>', summary: 'address that is never given out; repeatable', many: true },
        { flags: '--aux-rm <NAME>', summary: 'give an auxiliary address free; repeatable', many: true },
        { flags: '--subnet <CIDR>', summary: 'add a subnet; repeatable', many: true },
        { flags: '--gateway <IP>', summary: 'gateway of an added subnet; repeatable', many: true },
        { flags: '--dry-run', summary: 'say what would change and on which hosts; change nothing' },
        WAIT,
        NO_WAIT,
      ],
      api: true,
      load: () => import('./update.ts'),
    },
    {
      name: 'prune',
      summary: 'Remove the networks that nothing uses on any host',
      examples: [
        { line: 'weft network prune', does: 'says which, and asks' },
        { line: 'weft network prune -f --filter label=old --filter until=24h', does: 'without asking, some' },
      ],
      details: 'A network with a stopped container or reserved addresses, or one that a router connects, is in use.',
      options: [
        { flags: '-f, --force', summary: 'do not ask' },
        {
          flags: '--filter <KEY=VALUE>',
          summary: 'label=, label!= or until= (24h, or a time); repeatable',
          many: true,
          hint: ['label=', 'label!=', 'until='],
        },
        { flags: '--dry-run', summary: 'say which; remove none' },
        WAIT,
        NO_WAIT,
      ],
      api: true,
      load: () => import('./prune.ts'),
    },
    {
      name: 'rm',
      aliases: ['remove'],
      summary: 'Remove networks from all hosts',
      examples: [
        { line: 'weft network rm mynet', does: 'one network' },
        { line: 'weft network rm $(weft network ls -q -f label=old)', does: 'many; goes on after a failure' },
      ],
      details: 'A network with endpoints is not removed; the error names them.',
      arguments: [{ name: '<NETWORK...>', summary: 'names or ids', hint: 'networks' }],
      options: [WAIT, NO_WAIT],
      api: true,
      load: () => import('./rm.ts'),
    },
    {
      name: 'connect',
      summary: 'Connect a container of any host to a network',
      examples: [
        { line: 'weft network connect mynet web', does: 'the container web, wherever it runs' },
        { line: 'weft network connect --alias db mynet docker2/db-1', does: 'the one of docker2, with a second name' },
        { line: 'weft network connect --ip 10.20.0.9 mynet web', does: 'with an address of your choice' },
        {
          line: 'weft network connect --gw-priority 10 lan web',
          does: 'its default route goes through lan from now on',
        },
      ],
      details:
        'The host’s Docker does it and keeps it: a restarted container has the same networks, names and priorities. Where several hosts have a container of the name, write HOST/CONTAINER. An interface name that ends in 0 (lan0) is there from the container’s first instruction; another (lan, eth7) a moment later. Names like eth1 may meet the one that Docker gives next.',
      arguments: [
        { name: '<NETWORK>', summary: 'name or id', hint: 'networks' },
        { name: '<CONTAINER>', summary: '[HOST/]CONTAINER: name or id', hint: 'endpoints' },
      ],
      options: [
        { flags: '--ip <IP>', summary: 'IPv4 address' },
        { flags: '--ip6 <IP>', summary: 'IPv6 address' },
        { flags: '--alias <NAME>', summary: 'another name in this network; repeatable', many: true },
        { flags: '--mac-address <MAC>', summary: 'MAC address, on every engine' },
        {
          flags: '--gw-priority <N>',
          summary: 'the network with the highest gives the default route (default 0; below 0: never)',
        },
        {
          flags: '--ifname <NAME>',
          summary: 'name of the interface in the container, kept whatever else comes and goes',
        },
        { flags: '--driver-opt <KEY=VALUE>', summary: 'option of the endpoint; repeatable', many: true },
      ],
      api: true,
      load: () => import('./connect.ts'),
    },
    {
      name: 'disconnect',
      summary: 'Take a container of any host off a network',
      examples: [
        { line: 'weft network disconnect mynet web', does: 'the container web, wherever it runs' },
        { line: 'weft network disconnect -f mynet docker2/web', does: 'also one that Docker has lost sight of' },
      ],
      arguments: [
        { name: '<NETWORK>', summary: 'name or id', hint: 'networks' },
        { name: '<CONTAINER>', summary: '[HOST/]CONTAINER: name or id', hint: 'endpoints' },
      ],
      options: [{ flags: '-f, --force', summary: 'as Docker’s' }],
      api: true,
      load: () => import('./disconnect.ts'),
    },
  ],
}
