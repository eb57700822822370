/** What values in etcd that cannot be read mean for hosts and for people. */
import { listed } from '@weft/shared'
import { parseKey } from './keys.ts'
import { DAMAGE_REMEDY } from './records.ts'
import { type ClusterView, hostsOf } from './view.ts'

/**
 * Hosts whose intents cannot be made, because they hang on what lost records said; they keep what they have. A record
 * that does not tell whom it concerns concerns everybody.
 */
export function heldHosts(view: ClusterView): ReadonlySet<string> {
  const held = new Set<string>()
  for (const key of view.lost) {
    for (const host of concerned(view, key) ?? view.hosts.keys()) held.add(host)
  }
  return held
}

/** Undefined: everybody. What a network, router or publication said is part of intents of hosts that only it could name. */
function concerned(view: ClusterView, key: string): Iterable<string> | undefined {
  const parsed = parseKey(key)
  switch (parsed.kind) {
    case 'uplink':
      return [parsed.host]
    case 'facts':
      return [...(view.networksOfHost.get(parsed.id) ?? [])].flatMap((network) => hostsOf(view, network))
    case 'endpoint':
      return sharingWith(view, parsed.id)
    default:
      return undefined
  }
}

/** The host of an endpoint and those that share its network, as its addresses' records tell; undefined when none does. */
function sharingWith(view: ClusterView, endpoint: string): string[] | undefined {
  for (const [uid, { held }] of view.pools) {
    const network = view.subnets.get(uid)?.value.network
    const record = [...held.values()].find((each) => each?.value.endpoint === endpoint)
    if (network !== undefined && record !== undefined) return [record.value.host, ...hostsOf(view, network)]
  }
  return undefined
}

/** A value that cannot be read, in words. */
export interface Damage {
  readonly key: string
  readonly why: string
  /** What that means for hosts. */
  readonly effect: string
  readonly remedy: string
  /** It keeps intents from hosts. */
  readonly holds: boolean
}

/** One a key, of ten keys at most; those that keep intents from hosts come first. */
export function damages(view: ClusterView): Damage[] {
  return [...view.damaged]
    .map(([key, why]) => ({ key, why, holds: view.lost.has(key) }))
    .sort((a, b) => Number(b.holds) - Number(a.holds) || (a.key < b.key ? -1 : 1))
    .slice(0, MOST_SHOWN)
    .map(({ key, why, holds }) => {
      const effect = holds ? lostEffect(view, key) : 'what it said before stays in force'
      return { key, why, effect, remedy: DAMAGE_REMEDY.replace('KEY', key), holds }
    })
}

/** How many keys {@link damages} leaves out, in words. */
export function furtherDamage({ damaged }: ClusterView): string[] {
  const rest = damaged.size - MOST_SHOWN
  return rest > 0 ? [`and ${rest} more etcd records cannot be read`] : []
}

export function damageWarnings(view: ClusterView): string[] {
  const shown = damages(view).map(
    ({ key, why, effect, remedy }) => `etcd record ${key} cannot be read: ${why}; ${effect}; ${remedy}`,
  )
  return [...shown, ...furtherDamage(view)]
}

function lostEffect(view: ClusterView, key: string): string {
  const only = concerned(view, key)
  const hosts = only === undefined ? 'all hosts' : listed([...new Set(only)].sort(), MOST_SHOWN) || 'nobody'
  return `what it said before is not in etcd’s history either: intents are on hold for ${hosts}`
}

/** Keys, and hosts of a key. */
const MOST_SHOWN = 10
