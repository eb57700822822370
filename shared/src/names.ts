/** The one place where names of kernel objects and derived MACs come from. */
import { type Hash128, hash128 } from './hash.ts'

/** Link group of every link that Weft makes, set in the create call; with the name it is the mark of what is ours. */
export const WEFT_LINK_GROUP = 0x57ef
/** Protocol number of every route that Weft sets (rtnetlink(7): above RTPROT_STATIC for user space; iproute2 names it not). */
export const WEFT_ROUTE_PROTOCOL = 0x57
/** Prefix of every generated interface name. */
export const INTERFACE_PREFIX = 'wf'
/** IFNAMSIZ less the terminating zero (linux/if.h). */
export const INTERFACE_NAME_BYTES = 15
/** The network namespace in which Weft switches: bridges, VXLAN devices and the host ends of ports live there. */
export const FABRIC_NETNS = 'weft'
/** What the network namespaces of routers are named: this and digits of the router's uid. */
export const ROUTER_NETNS_PREFIX = 'weft-r-'

const BASE32 = '0123456789abcdefghjkmnpqrstvwxyz'

/** What an interface is for; the letter keeps two interfaces of one object apart. */
const ROLE_LETTER = {
  bridge: 'b',
  vxlan: 'x',
  port: 'p',
  container: 'c',
  uplink: 'u',
  gateway: 'g',
  'gateway-port': 'q',
  shim: 's',
  leg: 'l',
} as const
export type InterfaceRole = keyof typeof ROLE_LETTER

/** The interface name of an object, `wf` + a letter + 12 base32 digits: 15 bytes, the same on every host. */
export function interfaceName(role: InterfaceRole, uid: string): string {
  return `${interfacePrefix(role)}${base32(hash128(uid), 12)}`
}

/** What the names of all interfaces of a role begin with. */
export function interfacePrefix(role: InterfaceRole): string {
  return `${INTERFACE_PREFIX}${ROLE_LETTER[role]}`
}

/** The network namespace of a router, the same on every host that carries it. */
export function routerNetns(uid: string): string {
  return `${ROUTER_NETNS_PREFIX}${base32(hash128(uid), 12)}`
}

/** True for a container's namespace, which a HostState names by its path: there only what is desired is ours. */
export function isSandbox(netns: string): boolean {
  return netns.startsWith('/')
}

/** A locally administered unicast MAC (IEEE 802: second-lowest bit of the first octet set) derived from the seed. */
export function deriveMac(seed: string): string {
  const [high, low] = hash128(seed)
  const octets = [0x02, high >>> 24, (high >>> 16) & 0xff, (high >>> 8) & 0xff, high & 0xff, low & 0xff]
  return octets.map((octet) => octet.toString(16).padStart(2, '0')).join(':')
}

function base32(hash: Hash128, digits: number): string {
  let value = hash.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
  let text = ''
  for (let index = 0; index < digits; index++) {
    text += BASE32[Number(value & 31n)]
    value >>= 5n
  }
  return text
}
