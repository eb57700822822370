/**
 * The wire between lab hosts: a bridge in a network namespace of its own, so that no rule of the machine, and none of
 * a dockerd, sees what crosses it. br_netfilter is switched off there: its settings are per namespace, and one that
 * has ever been loaded would otherwise hand the frames to iptables.
 */
import type { HostLayout, LabLayout } from './layout.ts'
import { netnsPath } from './layout.ts'
import { ipBatch, run } from './run.ts'

const BRIDGE = 'br0'

const QUIET = `
for name in iptables ip6tables arptables; do
  file=/proc/sys/net/bridge/bridge-nf-call-$name
  if [ -e "$file" ]; then echo 0 > "$file"; fi
done
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
`

/** Makes the switch. Multicast snooping is off: without a querier it would drop neighbour discovery. */
export async function makeSwitch(lab: LabLayout, mtu: number, signal?: AbortSignal): Promise<void> {
  await run(['ip', 'netns', 'add', lab.switchNetns], signal ? { signal } : {})
  await run(['nsenter', `--net=${netnsPath(lab.switchNetns)}`, 'sh', '-e', '-c', QUIET], signal ? { signal } : {})
  await ipBatch(
    lab.switchNetns,
    [`link add ${BRIDGE} mtu ${mtu} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`, `link set ${BRIDGE} up`],
    signal,
  )
}

/** Plugs a host in: its `eth0` and the switch's port are born in their namespaces and never seen by the machine. */
export async function plug(lab: LabLayout, host: HostLayout, mtu: number, signal?: AbortSignal): Promise<void> {
  const one = 'numtxqueues 1 numrxqueues 1'
  await ipBatch(
    lab.switchNetns,
    [
      `link add ${host.name} mtu ${mtu} ${one} type veth peer name eth0 netns ${host.netns} mtu ${mtu} ${one}`,
      `link set ${host.name} master ${BRIDGE} up`,
    ],
    signal,
  )
  await ipBatch(
    host.netns,
    [
      'link set lo up',
      `address add ${host.ipv4}/${lab.prefixLength4} dev eth0`,
      `address add ${host.ipv6}/${lab.prefixLength6} dev eth0 nodad`,
      'link set eth0 up',
    ],
    signal,
  )
}
