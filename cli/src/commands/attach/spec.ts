/** `weft attach` and `weft detach`: namespaces that no Docker network reaches. */
import type { LeafSpec } from '../spec.ts'

export const attachSpec: LeafSpec = {
  name: 'attach',
  summary: 'Put a namespace on a network: a --network none container, a process, ip netns; prints its id',
  examples: [
    { line: 'weft attach mynet --container quiet', does: 'a container run with --network none, on this host' },
    {
      line: 'weft attach mynet --netns blue --name blue --ip 10.20.0.9',
      does: 'a namespace of ip netns, found as blue',
    },
    { line: 'weft attach mynet --pid 4242 --host docker2', does: 'what a process of docker2 is in' },
  ],
  details:
    'It is an endpoint like a container’s until weft detach, or until nobody is in the namespace. Names are answered at 127.0.0.11 there: docker run --network none --dns 127.0.0.11, or a resolv.conf that says so, with the namespace’s lo up.',
  arguments: [{ name: '<NETWORK>', summary: 'name or id', hint: 'networks' }],
  options: [
    { flags: '--pid <PID>', summary: 'the namespace of this process' },
    { flags: '--netns <PATH>', summary: 'the namespace behind a file, or a name of ip netns' },
    {
      flags: '--container <CONTAINER>',
      summary: 'the namespace of a running container: name or id',
      hint: 'endpoints',
    },
    { flags: '--host <HOST>', summary: 'where it is (default: this host)', hint: 'hosts' },
    { flags: '--name <NAME>', summary: 'its name in the network (default: the container’s)' },
    { flags: '--alias <NAME>', summary: 'another name; repeatable', many: true },
    { flags: '--ip <IP>', summary: 'IPv4 address' },
    { flags: '--ip6 <IP>', summary: 'IPv6 address' },
    { flags: '--mac <MAC>', summary: 'MAC address' },
    { flags: '--ifname <NAME>', summary: 'name of the interface (default: the first free of eth0, eth1, …)' },
    {
      flags: '--gw-priority <N>',
      summary: 'the network with the highest gives the default route (default 0; below 0: never)',
    },
  ],
  api: true,
  load: () => import('./attach.ts'),
}

export const detachSpec: LeafSpec = {
  name: 'detach',
  summary: 'Take attached namespaces off their networks',
  examples: [{ line: 'weft detach blue', does: 'by name or id, from any machine' }],
  arguments: [{ name: '<ENDPOINT...>', summary: 'names or ids, as weft endpoint ls shows them', hint: 'endpoints' }],
  api: true,
  load: () => import('./detach.ts'),
}
