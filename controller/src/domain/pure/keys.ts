/**
 * Every etcd key of Weft, made and read in this one place.
 *
 * Invariants
 * - Addresses are fixed-width hex, so that keys sort as addresses do.
 * - `ip/<subnet>/endpoint/` is empty before a subnet may go; `ip/<subnet>/reserved/` may go with it (TRUTH.md T7).
 * - `alive/<host>`, `allow-removals/<host>` and `leader` are the only leased keys; nothing that safety rests on is leased.
 */
import { addressToHex, EndpointName, Name, parseAddress, Uid } from '@weft/shared'

export const ROOT = '/weft/v1/'

const at = (...parts: readonly (string | number)[]): string => ROOT + parts.join('/')

export const keys = {
  cluster: at('meta', 'cluster'),
  incarnation: at('meta', 'incarnation'),
  /** Serialises every change of the set of subnets: overlap is a property of the whole set. */
  subnetsGeneration: at('meta', 'subnets-gen'),
  /** Serialises every change of the set of publications: whether a port is taken is a property of the whole set. */
  publicationsGeneration: at('meta', 'publications-gen'),
  publication: (uid: string): string => at('publication', uid),
  network: (uid: string): string => at('net', uid),
  networkName: (name: string): string => at('netname', name),
  subnet: (uid: string): string => at('sub', uid),
  /** An address that an endpoint holds. */
  held: (subnet: string, hex: string): string => at('ip', subnet, 'endpoint', hex),
  heldBelow: (subnet: string): string => at('ip', subnet, 'endpoint', ''),
  /** An address that no endpoint may be given (network, broadcast, gateway, auxiliary, quarantine), or only that of a name. */
  reserved: (subnet: string, hex: string): string => at('ip', subnet, 'reserved', hex),
  reservedBelow: (subnet: string): string => at('ip', subnet, 'reserved', ''),
  endpoint: (uid: string): string => at('ep', uid),
  reservation: (network: string, name: string): string => at('reservation', network, name),
  reservationsBelow: (network: string): string => at('reservation', network, ''),
  mac: (network: string, mac: string): string => at('mac', network, mac),
  vni: (vni: number): string => at('vni', vni),
  uplink: (name: string, host: string): string => at('uplink', name, host),
  /** Written by joins only: its mod revision stands for one epoch of the host. */
  host: (host: string): string => at('host', host),
  facts: (host: string): string => at('facts', host),
  alive: (host: string): string => at('alive', host),
  allowRemovals: (host: string): string => at('allow-removals', host),
  vtep: (hex: string): string => at('vtep', hex),
  /** What was measured between two hosts, in the order of their names. */
  path: (first: string, second: string): string => at('path', first, second),
  router: (uid: string): string => at('router', uid),
  routerName: (name: string): string => at('routername', name),
  /** Which host carries a router. Written by moves only: its mod revision stands for one of them. */
  placement: (router: string): string => at('placement', router),
  leader: at('leader'),
  /** Ids begin with the time, so that keys sort by age. */
  audit: (id: string): string => at('audit', id),
} as const

/** What a key of Weft is about; `other` is a key that this version does not know. */
export type ParsedKey =
  | { readonly kind: 'cluster' | 'incarnation' | 'subnets-generation' | 'publications-generation' | 'other' }
  | {
      readonly kind:
        | 'network'
        | 'subnet'
        | 'endpoint'
        | 'host'
        | 'facts'
        | 'alive'
        | 'router'
        | 'placement'
        | 'publication'
        | 'removals'
      readonly id: string
    }
  | { readonly kind: 'held' | 'reserved'; readonly subnet: string; readonly hex: string }
  | { readonly kind: 'reservation'; readonly network: string; readonly name: string }
  | { readonly kind: 'vni'; readonly vni: number }
  | { readonly kind: 'path'; readonly first: string; readonly second: string }
  | { readonly kind: 'uplink'; readonly name: string; readonly host: string }
  /** Compared in transactions and never looked up. MACs, audit and the leader are not cached: there are too many, or none. */
  | { readonly kind: 'name' | 'vtep' | 'guard' }

/** Reads a key back; never throws. */
export function parseKey(key: string): ParsedKey {
  if (!key.startsWith(ROOT)) return { kind: 'other' }
  const [kind, a = '', b = '', c = ''] = key.slice(ROOT.length).split('/')
  switch (kind) {
    case 'meta':
      return metaKey(a)
    case 'net':
      return { kind: 'network', id: a }
    case 'sub':
      return { kind: 'subnet', id: a }
    case 'ip':
      if (!/^([0-9a-f]{8}|[0-9a-f]{32})$/.test(c)) return { kind: 'other' }
      return b === 'endpoint' || b === 'reserved'
        ? { kind: b === 'endpoint' ? 'held' : 'reserved', subnet: a, hex: c }
        : { kind: 'other' }
    case 'ep':
      return { kind: 'endpoint', id: a }
    case 'reservation':
      return Uid.safeParse(a).success && EndpointName.safeParse(b).success
        ? { kind: 'reservation', network: a, name: b }
        : { kind: 'other' }
    case 'vni':
      return /^[0-9]{1,8}$/.test(a) ? { kind: 'vni', vni: Number(a) } : { kind: 'other' }
    case 'path':
      return Name.safeParse(a).success && Name.safeParse(b).success
        ? { kind: 'path', first: a, second: b }
        : { kind: 'other' }
    case 'uplink':
      return Name.safeParse(a).success && Name.safeParse(b).success
        ? { kind: 'uplink', name: a, host: b }
        : { kind: 'other' }
    case 'host':
    case 'facts':
    case 'alive':
    case 'router':
    case 'placement':
    case 'publication':
      return { kind, id: a }
    case 'routername':
    case 'netname':
      return { kind: 'name' }
    case 'vtep':
      return { kind: 'vtep' }
    case 'allow-removals':
      return { kind: 'removals', id: a }
    case 'audit':
    case 'leader':
    case 'mac':
      return { kind: 'guard' }
    default:
      return { kind: 'other' }
  }
}

function metaKey(name: string): ParsedKey {
  switch (name) {
    case 'cluster':
    case 'incarnation':
      return { kind: name }
    case 'subnets-gen':
      return { kind: 'subnets-generation' }
    case 'publications-gen':
      return { kind: 'publications-generation' }
    default:
      return { kind: 'other' }
  }
}

/** One of the two keys of an endpoint's address. */
export function addressKeyOf(
  kind: 'held' | 'reserved',
  address: { readonly subnet: string; readonly ip: string },
): string {
  return keys[kind](address.subnet, addressToHex(parseAddress(address.ip)))
}
