/** The fabric: the netns in which Weft switches, away from Docker's FORWARD DROP, br_netfilter, ufw and networkd. */
import { existsSync, readFileSync, statfsSync, writeFileSync } from 'node:fs'
import { FABRIC_NETNS } from '@weft/shared'
import { formatLinkMessage, MessageType } from 'netlink/dist/rt/structs.js'
import { errnoError } from './errno.ts'
import { toBuffer } from './netlink/message.ts'
import { openNetlink } from './netlink/transport.ts'
import type { Namespaces } from './netns.ts'
import { runProgram } from './run-program.ts'
import { IN6_ADDR_GEN_MODE_NONE } from './write/sysctl.ts'

/** NSFS_MAGIC (linux/magic.h): the file system of namespace files. */
const NSFS_MAGIC = 0x6e736673
const LOOPBACK_INDEX = 1
/**
 * No IPv6 of its own on anything born here. A vxlan device of a dual-stack network has IPv6 switched on, to hold neighbours:
 * it makes no address, asks no router and hears none, whatever a container advertises. Frames that are switched do not
 * visit iptables.
 */
const SETTINGS = [
  ['/proc/sys/net/ipv6/conf/default/disable_ipv6', '1'],
  ['/proc/sys/net/ipv6/conf/default/accept_ra', '0'],
  ['/proc/sys/net/ipv6/conf/default/autoconf', '0'],
  ['/proc/sys/net/ipv6/conf/default/router_solicitations', '0'],
  ['/proc/sys/net/ipv6/conf/default/addr_gen_mode', IN6_ADDR_GEN_MODE_NONE],
  ['/proc/sys/net/bridge/bridge-nf-call-iptables', '0'],
  ['/proc/sys/net/bridge/bridge-nf-call-ip6tables', '0'],
  ['/proc/sys/net/bridge/bridge-nf-call-arptables', '0'],
] as const

export function netnsPath(name: string): string {
  return `/run/netns/${name}`
}

/** Makes the netns unless it is there; it outlives the agent. */
export async function ensureNetns(name: string): Promise<void> {
  const path = netnsPath(name)
  if (!existsSync(path)) await runProgram('ip', ['netns', 'add', name])
  // A file left over by a mount namespace that is gone: mount the new netns on it.
  else if (statfsSync(path).type !== NSFS_MAGIC) await runProgram('unshare', [`--net=${path}`, 'true'])
}

/** Sysctls and loopback; what the kernel lacks (IPv6, br_netfilter) needs no setting. */
export function prepareFabric(namespaces: Namespaces): void {
  namespaces.within(FABRIC_NETNS, () => {
    for (const [file, value] of SETTINGS) {
      if (existsSync(file) && readFileSync(file, 'utf8').trim() !== value) writeFileSync(file, value)
    }
    using socket = openNetlink()
    const payload = toBuffer((out) =>
      formatLinkMessage(
        { kind: 'link', data: { index: LOOPBACK_INDEX, flags: { up: true }, change: { up: true } }, attrs: {} },
        out,
      ),
    )
    const refusal = socket.change({ type: MessageType.SETLINK, flags: 0, payload })
    if (refusal !== undefined) throw errnoError(refusal.errno, { what: 'loopback of the fabric not set up' })
  })
}
