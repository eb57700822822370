/**
 * The guard that awaits an endpoint's interface in its sandbox, where no end of it stays with the host. It is the driver's
 * own word for an interface that has arrived under the name that Docker is expected to give: a pass that finds it there by
 * that name has nothing to do, and under another one writes it anew. Pure.
 */
import { type DriverHost, type EntryMap, guardName, type LocalEndpoint, type Op } from '@weft/shared'
import { desiredState } from './desired.ts'

export interface GuardAheadInput {
  readonly entries: EntryMap
  readonly hostId: string
  readonly host: DriverHost
  readonly network: string
  readonly endpoint: LocalEndpoint
  /** Of the name that Docker gives it; a number follows. */
  readonly prefix: string
  /** Interfaces of that prefix that were in the sandbox, or on their way to it, before. */
  readonly before: number
}

/** A container has more interfaces hardly ever; one beyond is guarded when it is seen. */
const MOST_NAMES = 10

/** Undefined when the interface is not on its way to a sandbox, or is guarded elsewhere or not at all. */
export function guardAhead(input: GuardAheadInput): Op | undefined {
  const { entries, hostId, host, network, endpoint, prefix, before } = input
  const { attachment } = endpoint
  if (attachment.phase !== 'in-flight' || attachment.sandbox === undefined) return undefined
  const netns = attachment.sandbox
  const arrived: LocalEndpoint = {
    ...endpoint,
    attachment: { phase: 'sandbox', link: { netns, name: `${prefix}${before}` } },
  }
  const few = new Map([...entries].filter(([key, { kind }]) => kind === 'uplink' || key === `network/${network}`))
  const { state } = desiredState({ entries: few, endpoints: new Map([[network, [arrived]]]), hostId, host })
  const table = state.nftTables.find((each) => each.netns === netns && each.name === guardName(endpoint.uid))
  if (table === undefined) return undefined
  const names = Array.from({ length: MOST_NAMES }, (_, number) => `${prefix}${number}`)
  const { link } = attachment
  return { op: 'nft-table-set', table, coming: { link, names: [link.name, ...names] } }
}
