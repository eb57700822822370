/**
 * Many networks on one host: their states become one. Shared sub-interfaces are wanted once by many; what only one
 * network can have (a VLAN id on a parent, a VNI on a UDP port, a parent in passthru mode) goes to the first, and the others are refused by name.
 */
import {
  canonicalJson,
  EMPTY_HOST_STATE,
  type HostState,
  type Link,
  mergeHostStates,
  type NetworkSpec,
  type NftTable,
  type NftTableRef,
  parentOf,
  parentUse,
  WeftError,
} from '@weft/shared'
import { linkKey } from './link-kinds.ts'

export interface NetworkState {
  readonly network: NetworkSpec
  readonly state: HostState
}

/** What of networks that cannot be expanded may exist on this host. */
export interface Held {
  readonly links: readonly Link[]
  readonly nftTables: readonly NftTableRef[]
}

export interface United {
  readonly state: HostState
  readonly refused: readonly { readonly network: NetworkSpec; readonly error: WeftError }[]
}

/**
 * Unites in the given order. `held` links and tables, and those of refused networks, stay as they are (tolerated) unless another
 * network wants them.
 */
export function uniteNetworks(networks: readonly NetworkState[], held: Held): United {
  const taken: Taken = { links: new Map(), numbers: new Map(), parents: new Map() }
  const accepted: HostState[] = []
  const refused: { network: NetworkSpec; error: WeftError }[] = []
  const left = [...held.links]
  const tables = [...held.nftTables]
  for (const { network, state } of networks) {
    const error = firstClash(network, state, taken)
    if (error !== undefined) {
      refused.push({ network, error })
      left.push(...state.links)
      tables.push(...state.nftTables)
      continue
    }
    const fresh = state.links.filter((link) => !taken.links.has(linkKey(link)))
    for (const link of fresh) claim(network, link, taken)
    accepted.push({ ...state, links: fresh })
  }
  const tolerated = new Map(left.map((link) => [linkKey(link), { ...link, presence: 'tolerated' as const }]))
  for (const key of taken.links.keys()) tolerated.delete(key)
  const untouched = {
    ...EMPTY_HOST_STATE,
    links: [...tolerated.values()],
    nftTables: tables.map(toleratedTable),
  }
  return { state: mergeHostStates([...accepted, untouched]), refused }
}

function toleratedTable({ netns, family, name }: NftTableRef): NftTable {
  return { netns, family, name, sets: [], chains: [], presence: 'tolerated' }
}

interface Taken {
  readonly links: Map<string, { link: Link; by: NetworkSpec }>
  /** By {@link numberOf}. */
  readonly numbers: Map<string, NetworkSpec>
  /** Parents of macvlans and ipvlans, how they are used, and whether a macvlan has one to itself. */
  readonly parents: Map<string, { use: string; passthru: boolean; by: NetworkSpec }>
}

function claim(network: NetworkSpec, link: Link, taken: Taken): void {
  taken.links.set(linkKey(link), { link, by: network })
  const number = numberOf(link)
  if (number !== undefined) taken.numbers.set(number.key, network)
  const [parent, use] = [parentOf(link), parentUse(link)]
  if (parent !== undefined && use !== undefined) {
    taken.parents.set(linkKey(parent), { use, passthru: isPassthru(link), by: network })
  }
}

function firstClash(network: NetworkSpec, state: HostState, taken: Taken): WeftError | undefined {
  for (const link of state.links) {
    const same = taken.links.get(linkKey(link))
    if (same !== undefined && canonicalJson(same.link) === canonicalJson(link)) continue
    if (same !== undefined) return clash(link.name, 'the same interface in another way', same.by)
    const number = numberOf(link)
    const holder = number === undefined ? undefined : taken.numbers.get(number.key)
    if (number !== undefined && holder !== undefined) return clash(link.name, `the same ${number.what}`, holder)
    const [below, use] = [parentOf(link), parentUse(link)]
    if (below === undefined || use === undefined) continue
    const parent = taken.parents.get(linkKey(below))
    if (parent === undefined || parent.by.uid === network.uid) continue
    if (parent.passthru || isPassthru(link)) {
      return clash(below.name, 'that parent, and passthru shares it with nobody', parent.by)
    }
    if (parent.use !== use) {
      return clash(below.name, `that parent for ${parent.use}, and the kernel takes no ${use} beside it`, parent.by)
    }
  }
  return undefined
}

function isPassthru(link: Link): boolean {
  return link.kind === 'macvlan' && link.mode === 'passthru'
}

function clash(on: string, why: string, by: NetworkSpec): WeftError {
  return new WeftError('conflict', {
    what: 'two networks cannot share it on this host',
    on,
    why: `network ${by.name} has ${why}`,
    remedy: `give one of them another parent, VLAN or VNI, or remove it: weft network rm ${by.name}`,
  })
}

/** What the kernel gives to one link only, whatever its name and netns: a parent's VLAN, a UDP port's VNI. */
function numberOf(link: Link): { key: string; what: string } | undefined {
  if (link.kind === 'vlan') {
    return { key: `vlan ${linkKey(link.parent)} ${link.protocol} ${link.vlanId}`, what: 'VLAN of that parent' }
  }
  return link.kind === 'vxlan' ? { key: `vni ${link.udpPort} ${link.vni}`, what: 'VNI on that UDP port' } : undefined
}
