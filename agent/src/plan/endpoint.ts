/**
 * One endpoint's own part of the plan: what a pass would make for it, without looking at anything else. Pure.
 *
 * Invariants
 * - It is the driver's own word, cut down: a pass that runs afterwards finds nothing to do.
 * - Only the endpoint's own links are made or altered. Where anything else would be needed, or stands in the way, there
 *   is no short plan, and a pass is to decide.
 */
import {
  EMPTY_HOST_STATE,
  FABRIC_NETNS,
  type HostState,
  interfaceName,
  type Link,
  type LinkRef,
  type LocalEndpoint,
  type NftTable,
  type Op,
} from '@weft/shared'
import { type DesiredInput, desiredState } from './desired.ts'
import { diff } from './diff.ts'
import { linkKey } from './link-kinds.ts'
import { dependencies } from './link-order.ts'
import { subjectOfOp, tableSubject } from './subject-of-op.ts'

export interface EndpointPlan {
  /** The links that must be known: the endpoint's own and all that they stand on. */
  readonly refs: readonly LinkRef[]
  /** Ops from what was found of `refs`; undefined when that takes a pass. */
  ops(found: readonly Link[]): Op[] | undefined
}

export interface EndpointPlanInput extends Omit<DesiredInput, 'endpoints'> {
  readonly network: string
  readonly endpoint: LocalEndpoint
  /** Another one of this host in the network, if there is one: a driver's "one only" shows with two. */
  readonly other: LocalEndpoint | undefined
}

/** @returns undefined when the network cannot be expanded without trouble */
export function planEndpoint(input: EndpointPlanInput): EndpointPlan | undefined {
  const { entries, network, endpoint, other } = input
  const few = new Map([...entries].filter(([key, { kind }]) => kind === 'uplink' || key === `network/${network}`))
  const both = other === undefined ? [endpoint] : [endpoint, other]
  const { state, problems } = desiredState({ ...input, entries: few, endpoints: new Map([[network, both]]) })
  if (problems.length > 0) return undefined
  const desired = only(state, endpoint, other)
  const own = new Set([...linksOf(endpoint), ...desired.nftTables.map(tableSubject)])
  const refs = new Map(
    desired.links.flatMap((link) => [link, ...dependencies(link)]).map((ref) => [linkKey(ref), ref] as const),
  )
  return {
    refs: [...refs.values()].map(({ netns, name }) => ({ netns, name })),
    ops: (found) => {
      const { ops, conflicts } = diff(desired, { ...EMPTY_HOST_STATE, links: [...found] })
      return conflicts.length === 0 && ops.every((op) => own.has(subjectOfOp(op))) ? ops : undefined
    },
  }
}

/** What is known of `other` is its own. Of nft tables only those that hook into the endpoint's own links; others are the whole network's. */
function only(state: HostState, endpoint: LocalEndpoint, other: LocalEndpoint | undefined): HostState {
  const own = new Set(linksOf(endpoint))
  const isOwn = ({ netns, chains }: NftTable) =>
    chains.some(({ hook }) => hook?.device !== undefined && own.has(linkKey({ netns, name: hook.device })))
  const theirs = new Set(other === undefined ? [] : linksOf(other))
  const isNot = ({ netns, link }: { netns: string; link: string }) => !theirs.has(linkKey({ netns, name: link }))
  return {
    namespaces: [],
    links: state.links.filter((link) => !theirs.has(linkKey(link))),
    addresses: state.addresses.filter(isNot),
    routes: state.routes.filter(isNot),
    neighbours: state.neighbours.filter(isNot),
    fdb: state.fdb.filter(isNot),
    nftTables: state.nftTables.filter(isOwn),
    hostForwarding: [],
  }
}

function linksOf({ uid, attachment }: LocalEndpoint): string[] {
  const names = { port: interfaceName('port', uid), container: interfaceName('container', uid) }
  const refs = [{ netns: FABRIC_NETNS, name: names.port }, { netns: '', name: names.container }, attachment.link]
  return refs.map(linkKey)
}
