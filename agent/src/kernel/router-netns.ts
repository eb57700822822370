/**
 * Network namespaces of routers, beside the fabric: forwarding is on in each and nowhere else of ours, so that packets go
 * from network to network in it or not at all. What is born in it has no IPv6 until it is told, and hears no router.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { type Namespace, ROUTER_NETNS_PREFIX, WeftError } from '@weft/shared'
import { type FabricMode, isNetns, writeSettings } from './fabric.ts'
import type { Namespaces } from './netns.ts'
import { runProgram } from './run-program.ts'

/** IPv4 is routed link by link, IPv6 only where this is on, too (ip6_forward). */
const FORWARDING_V6 = '/proc/sys/net/ipv6/conf/all/forwarding'
const SETTINGS = [
  ['/proc/sys/net/ipv6/conf/default/disable_ipv6', '1'],
  ['/proc/sys/net/ipv6/conf/default/accept_ra', '0'],
  ['/proc/sys/net/ipv6/conf/default/autoconf', '0'],
] as const

/** Those that are there; a file without a namespace on it is none. */
export function observeNamespaces(namespaces: Namespaces): Namespace[] {
  const beside = path.parse(namespaces.pathOf(ROUTER_NETNS_PREFIX))
  if (!existsSync(beside.dir)) return []
  return readdirSync(beside.dir)
    .filter((name) => name.startsWith(beside.base))
    .sort()
    .flatMap((name) => {
      const netns = `${ROUTER_NETNS_PREFIX}${name.slice(beside.base.length)}`
      const forwarding = readForwarding(namespaces, netns)
      return forwarding === undefined ? [] : [{ netns, forwarding }]
    })
}

/** @throws `invalid` for a name that is no router's */
export async function addNamespace(
  namespaces: Namespaces,
  mode: FabricMode,
  { netns, forwarding }: Namespace,
): Promise<void> {
  const name = nameOf(namespaces, netns)
  if (!isNetns(namespaces.pathOf(netns))) await runIp(mode, ['netns', 'add', name])
  namespaces.within(netns, () => writeSettings([...SETTINGS, [FORWARDING_V6, forwarding ? '1' : '0']]))
}

/** Removes it with all that is in it; one that is gone is done. @throws `invalid` for a name that is no router's */
export async function deleteNamespace(namespaces: Namespaces, mode: FabricMode, netns: string): Promise<void> {
  const name = nameOf(namespaces, netns)
  if (existsSync(namespaces.pathOf(netns))) await runIp(mode, ['netns', 'delete', name])
}

/**
 * Where the fabric is expected, we are in a mount namespace of our own, and what is mounted in it ends with us: the
 * namespace is made in that of process 1, the host's.
 */
async function runIp(mode: FabricMode, argv: readonly string[]): Promise<void> {
  if (mode === 'make') await runProgram('ip', argv)
  else await runProgram('nsenter', ['--mount=/proc/1/ns/mnt', '--', 'ip', ...argv])
}

function readForwarding(namespaces: Namespaces, netns: string): boolean | undefined {
  try {
    if (!isNetns(namespaces.pathOf(netns))) return undefined
    // A kernel without IPv6 has nothing to switch on.
    return namespaces.within(
      netns,
      () => !existsSync(FORWARDING_V6) || readFileSync(FORWARDING_V6, 'utf8').trim() === '1',
    )
  } catch (error) {
    const code = error instanceof WeftError ? error.code : (error as NodeJS.ErrnoException).code
    if (code === 'not_found' || code === 'ENOENT') return undefined
    throw error
  }
}

/** Its file's name. */
function nameOf(namespaces: Namespaces, netns: string): string {
  if (/^weft-r-[0-9a-z]{12}$/.test(netns)) return path.basename(namespaces.pathOf(netns))
  throw new WeftError('invalid', { what: 'not a namespace of a router', on: netns })
}
