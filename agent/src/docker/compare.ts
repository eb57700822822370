/**
 * The agent's records beside Docker's containers: what Docker no longer has is given back, what it knows by name is
 * learned. Pure. Docker's stop and removal succeed without us (DOCKER.md 1.5), so this is how we hear of them for sure.
 */
import type { NetworkSpec } from '@weft/shared'
import { networkOf } from '../state/networks.ts'
import type { AgentState, LocalRecord } from '../state/records.ts'
import { isWired } from '../state/records.ts'
import type { DockerContainer } from './engine.ts'

export interface Comparison {
  /** Endpoints whose container is gone, or off the network. */
  readonly release: readonly string[]
  /** Endpoints that Docker tore down without us, and whose container keeps its address. */
  readonly detach: readonly string[]
  /** Container of an endpoint, where it was not known. */
  readonly learn: ReadonlyMap<string, string>
}

/** Docker lists an endpoint, and a running container's network, only when all is done; younger records are let be. */
const STARTING_MS = 60_000
/** A container that ended before its name was asked for cannot be found again. */
const NAMELESS_MS = 5_000

export function compareWithDocker(state: AgentState, containers: readonly DockerContainer[], now: number): Comparison {
  const byEndpoint = new Map<string, DockerContainer>()
  const byId = new Map(containers.map((container) => [container.Id, container]))
  for (const container of containers) {
    for (const { EndpointID } of Object.values(container.NetworkSettings?.Networks ?? {})) {
      if (EndpointID !== '') byEndpoint.set(EndpointID, container)
    }
  }
  const newest = newestByPlace(state)
  const release: string[] = []
  const detach: string[] = []
  const learn = new Map<string, string>()
  for (const record of state.endpoints.values()) {
    // Docker knows nothing of it (attachments.ts).
    if (record.attached !== undefined) continue
    const age = now - record.since
    const container = record.containerId === undefined ? undefined : byId.get(record.containerId)
    const keeps =
      container !== undefined && isMember(container, state, networkOf(state.entries, record.network), record)
    if (isWired(record)) {
      const owner = byEndpoint.get(record.dockerEndpointId ?? '')
      if (owner !== undefined) {
        if (owner.Id !== record.containerId || !record.settled) learn.set(record.uid, owner.Id)
      } else if (age > STARTING_MS || record.settled || isGone(record, byId)) {
        if (keeps) detach.push(record.uid)
        else release.push(record.uid)
      }
    } else if (record.phase === 'detached') {
      if (record.containerId === undefined ? age > NAMELESS_MS : !keeps || newest.get(placeOf(record)) !== record) {
        release.push(record.uid)
      }
    } else if (age > STARTING_MS) {
      if (record.held && keeps) detach.push(record.uid)
      else release.push(record.uid)
    }
  }
  return { release, detach, learn }
}

/** A container has one endpoint in a network; of an older one nobody will ask again. */
function newestByPlace(state: AgentState): Map<string, LocalRecord> {
  const newest = new Map<string, LocalRecord>()
  for (const record of state.endpoints.values()) {
    const known = newest.get(placeOf(record))
    if (record.containerId !== undefined && (known === undefined || isAhead(record, known)))
      newest.set(placeOf(record), record)
  }
  return newest
}

function isAhead(a: LocalRecord, b: LocalRecord): boolean {
  return isWired(a) === isWired(b) ? a.since > b.since : isWired(a)
}

function placeOf({ containerId, network }: LocalRecord): string {
  return `${containerId} ${network}`
}

function isGone(record: LocalRecord, byId: ReadonlyMap<string, DockerContainer>): boolean {
  return record.containerId !== undefined && !byId.has(record.containerId)
}

/** A stopped container lists its networks by the name that was given to `docker run`, with Docker's id once it ran. */
function isMember(
  { NetworkSettings }: DockerContainer,
  { dockerNetworks }: AgentState,
  network: NetworkSpec | undefined,
  record: LocalRecord,
): boolean {
  return Object.entries(NetworkSettings?.Networks ?? {}).some(
    ([key, { NetworkID }]) =>
      key === network?.name || dockerNetworks[NetworkID] === record.network || dockerNetworks[key] === record.network,
  )
}
