/** `weft publish`, `weft unpublish`, `weft port`: ports of containers opened on hosts, with the words of `docker run -p` and `docker port`. */
import { NO_WAIT, WAIT } from '../network/spec.ts'
import { type LeafSpec, listOptions } from '../spec.ts'

const CONTAINER = { name: '<CONTAINER>', summary: 'name, or id of a container or endpoint', hint: 'endpoints' } as const
const NETWORK = {
  flags: '--network <NETWORK>',
  summary: 'network by which the container is reached; needed when it is in several',
  hint: 'networks',
} as const

export const publishSpec: LeafSpec = {
  name: 'publish',
  summary: 'Open ports of a container on its own host, on others or on all',
  examples: [
    { line: 'weft publish web 8080:80', does: 'port 8080 of the host that runs web, wherever that is' },
    { line: 'weft publish web 8080:80 --all-hosts', does: 'port 8080 of every host leads to web' },
    { line: 'weft publish dns 53:53/udp 53:53/tcp --host docker1', does: 'two ports, on docker1' },
    { line: 'weft publish web 10.0.0.5:443:8443 --network front', does: 'on one address; before web exists, too' },
  ],
  details:
    'A port is published by the container’s name: it follows the name when the container is made anew or elsewhere, is ' +
    'refused by the host while no such container runs, and is there again after a reboot.\n' +
    'The container sees the client’s own address where it runs on the host that was asked and its network has ' +
    '-o egress=weft; else it sees an address of that host in the network, which the host is given for this.',
  arguments: [CONTAINER, { name: '<[IP:]HOSTPORT:PORT[/PROTOCOL]...>', summary: 'as docker run -p; tcp unless udp' }],
  options: [
    NETWORK,
    { flags: '--ip <IP>', summary: 'open it on this address of the hosts only' },
    {
      flags: '--host <HOST>',
      summary: 'open it on this host, wherever the container runs; repeatable',
      many: true,
      hint: 'hosts',
    },
    { flags: '--all-hosts', summary: 'open it on every host' },
    WAIT,
    NO_WAIT,
  ],
  api: true,
  load: () => import('./publish.ts'),
}

export const unpublishSpec: LeafSpec = {
  name: 'unpublish',
  summary: 'Close published ports',
  examples: [
    { line: 'weft unpublish web', does: 'all ports of web' },
    { line: 'weft unpublish web 8080/tcp', does: 'one' },
    { line: 'weft unpublish 3kq8', does: 'by the id that weft port -q prints' },
  ],
  arguments: [
    { name: '<CONTAINER|ID>', summary: 'container name, or id of a published port', hint: 'endpoints' },
    { name: '[HOSTPORT[/PROTOCOL]...]', summary: 'which of its ports; all when none is given' },
  ],
  options: [NETWORK, WAIT, NO_WAIT],
  api: true,
  load: () => import('./unpublish.ts'),
}

export const portSpec: LeafSpec = {
  name: 'port',
  summary: 'List published ports and where they lead',
  examples: [
    { line: 'weft port', does: 'all of them' },
    { line: 'weft port web', does: 'those of one container' },
    { line: "weft port -f network=front --format '{{.Port}}'", does: 'some, by a template' },
  ],
  details: 'What docker run -p opens on networks with -o egress=weft belongs to its container and is not listed here.',
  arguments: [{ name: '[CONTAINER]', summary: 'only this container’s', hint: 'endpoints' }],
  options: listOptions(['network', 'container', 'id']),
  api: true,
  load: () => import('./port.ts'),
}
