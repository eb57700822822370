/** What only /proc/sys can switch per link; always called inside the link's netns. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { WeftError } from '@weft/shared'

/** linux/if_link.h */
export const IN6_ADDR_GEN_MODE_NONE = '1'

/**
 * Sets disable_ipv6 of a link. With IPv6 on, router advertisements are refused: addresses and routes come from us; and
 * without `linkLocal` it makes no address of its own (a vxlan device needs IPv6 only to hold neighbours).
 * Throws `unsupported` when IPv6 is asked of a link that has none (no IPv6 in the kernel, or an MTU under 1280).
 */
export function setIpv6(name: string, enabled: boolean, linkLocal: boolean): void {
  const folder = `/proc/sys/net/ipv6/conf/${name}`
  if (!existsSync(folder)) {
    if (!enabled) return
    throw new WeftError('unsupported', {
      what: 'link cannot have IPv6',
      on: name,
      why: 'the kernel has no IPv6, or the MTU of the link is under 1280',
    })
  }
  if (enabled) write(`${folder}/accept_ra`, '0')
  if (enabled && !linkLocal) write(`${folder}/addr_gen_mode`, IN6_ADDR_GEN_MODE_NONE)
  write(`${folder}/disable_ipv6`, enabled ? '0' : '1')
}

/** Routes on what comes in on the link, of both families, or drops it. */
export function setForwarding(name: string, enabled: boolean): void {
  for (const family of ['ipv4', 'ipv6']) {
    const file = `/proc/sys/net/${family}/conf/${name}/forwarding`
    if (existsSync(file)) write(file, enabled ? '1' : '0')
  }
}

/** As ip-sysctl(7) has them: 1 answers for addresses of this link only, 2 asks with the best address of this link. */
export function setStrictArp(name: string, enabled: boolean): void {
  write(`/proc/sys/net/ipv4/conf/${name}/arp_ignore`, enabled ? '1' : '0')
  write(`/proc/sys/net/ipv4/conf/${name}/arp_announce`, enabled ? '2' : '0')
}

function write(path: string, value: string): void {
  if (readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value)
}
