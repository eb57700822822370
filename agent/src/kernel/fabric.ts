/** The fabric: the netns in which Weft switches, away from Docker's FORWARD DROP, br_netfilter, ufw and networkd. */
import { existsSync, readFileSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { FABRIC_NETNS, WeftError } from '@weft/shared'
import { formatLinkMessage, MessageType } from 'netlink/dist/rt/structs.js'
import { errnoError } from './errno.ts'
import { toBuffer } from './netlink/message.ts'
import { openNetlink } from './netlink/transport.ts'
import { type Namespaces, netnsPath } from './netns.ts'
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

/**
 * Who makes the fabric. `expect`: somebody outside does, since what we mounted in a mount namespace of our own would exist
 * for us alone, and end with us.
 */
export type FabricMode = 'make' | 'expect'

/** Sees to it that the netns is there; it outlives the agent. @throws `unavailable` when it is expected, and absent */
export async function ensureNetns(name: string, mode: FabricMode): Promise<void> {
  const path = netnsPath(name)
  if (isNetns(path)) return
  if (mode === 'expect') throw fabricGone(path)
  if (!existsSync(path)) await runProgram('ip', ['netns', 'add', name])
  // A file left over by a mount namespace that is gone: mount the new netns on it.
  else await runProgram('unshare', [`--net=${path}`, 'true'])
}

export function isNetns(path: string): boolean {
  return existsSync(path) && statfsSync(path).type === NSFS_MAGIC
}

/** Tells one namespace file from another that has taken its place; undefined when there is none. */
export function netnsMark(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? undefined : `${found.dev} ${found.ino}`
}

export function fabricGone(path: string): WeftError {
  return new WeftError('unavailable', {
    what: 'the fabric is gone',
    on: path,
    why: 'the namespace in which Weft switches was removed',
    remedy: 'start the agent anew, which makes it: systemctl restart weft-agent',
  })
}

/** Sysctls and loopback; what the kernel lacks (IPv6, br_netfilter) needs no setting. */
export function prepareFabric(namespaces: Namespaces): void {
  namespaces.within(FABRIC_NETNS, () => {
    writeSettings(SETTINGS)
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

/** What the kernel lacks needs no setting. */
export function writeSettings(settings: readonly (readonly [file: string, value: string])[]): void {
  for (const [file, value] of settings) {
    if (existsSync(file) && readFileSync(file, 'utf8').trim() !== value) writeFileSync(file, value)
  }
}
