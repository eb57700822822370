/**
 * Who has a port of this host: a container of Docker's, one of ours (`-p`), or a process. What is asked before a port is
 * published, and looked at again while it is.
 */
import {
  formatAddress,
  formatHostSide,
  type HostPortClaim,
  type HostReply,
  type PublishedPort,
  parseAddress,
  samePort,
  WeftError,
} from '@weft/shared'
import type { Engine } from '../docker/engine.ts'
import type { HostHandler } from '../host-calls.ts'
import type { AgentState } from '../state/records.ts'
import type { StateStore } from '../state/store.ts'
import { listeners, ownerOf, stands } from './listeners.ts'

export interface TakenPortsOptions {
  readonly engine: Pick<Engine, 'publishedPorts'>
  readonly store: Pick<StateStore, 'current'>
}

type Taken = HostReply<'ports'>['taken']

export function createPortsHandler(options: TakenPortsOptions): HostHandler<'ports'> {
  return { answer: async ({ ports }) => ({ taken: await takenPorts(options, ports) }) }
}

/** Those of the claims that somebody else than a publication stands in the way of, each with the first who does. */
export async function takenPorts(options: TakenPortsOptions, claims: readonly HostPortClaim[]): Promise<Taken> {
  const docker = await publishedByDocker(options)
  const ours = publishedHere(options.store.current)
  const open = await listeners()
  const taken = claims.map(async (claim) => {
    const wanted = asSpec(claim)
    const container = [...ours, ...docker].find((each) => samePort(each, wanted))
    if (container !== undefined) return [{ ...claim, by: container.by }]
    const listener = open.find((each) => stands(each, claim))
    return listener === undefined ? [] : [{ ...claim, by: await ownerOf(listener) }]
  })
  return (await Promise.all(taken)).flat()
}

interface Holder {
  readonly protocol: 'tcp' | 'udp'
  readonly hostPort: number
  readonly hostIp?: string | undefined
  readonly by: string
}

/** Docker's `-p`: nobody need listen for it (`--userland-proxy=false`). None while Docker does not answer: it opens none then. */
async function publishedByDocker({ engine }: TakenPortsOptions): Promise<Holder[]> {
  try {
    const ports = await engine.publishedPorts()
    return ports.map(({ container, ...port }) => ({ ...port, by: `container ${container} (docker run -p)` }))
  } catch (error) {
    if (error instanceof WeftError && error.retryable) return []
    throw error
  }
}

/** `-p` of containers whose way out is Weft's gateway. */
function publishedHere(state: AgentState, except?: string): Holder[] {
  return [...state.endpoints.values()].flatMap(({ ports, name, uid }) =>
    uid === except ? [] : (ports ?? []).map((port) => ({ ...port, by: `container ${name ?? uid} (docker run -p)` })),
  )
}

/** @throws `conflict` naming who has one of the ports that an endpoint of ours is to have */
export async function refuseTaken(state: AgentState, ports: readonly PublishedPort[], uid: string): Promise<void> {
  // Docker is not asked, which waits for us: what its own -p has, its proxy listens on.
  const others = holdersHere(state, uid)
  const open = await listeners()
  for (const port of ports) {
    const { protocol, hostPort, hostIp } = port
    const claim = { protocol, port: hostPort, ...(hostIp === undefined ? {} : { ip: hostIp }) }
    const listener = open.find((each) => stands(each, claim))
    const by =
      others.find((each) => samePort(each, port))?.by ?? (listener === undefined ? undefined : await ownerOf(listener))
    if (by === undefined) continue
    throw new WeftError('conflict', {
      what: 'port is taken',
      on: `${formatHostSide(port)}/${protocol}`,
      why: `${by} has it on this host`,
      remedy: 'choose another port, or free it there',
    })
  }
}

/** Ports of other containers of ours, and publications of the intent. */
function holdersHere(state: AgentState, uid: string): Holder[] {
  const published = [...state.entries.values()].flatMap((entry) =>
    entry.kind === 'publication' ? [{ ...entry, by: `publication of container ${entry.container} (weft port)` }] : [],
  )
  return [...published, ...publishedHere(state, uid)]
}

/** Those of the claims on whose port a process of the host listens. Owners are looked for once. */
export function createListenersAt(): (claims: readonly HostPortClaim[]) => Promise<Taken> {
  let owners = new Map<string, string>()
  return async (claims) => {
    if (claims.length === 0) return []
    const open = await listeners()
    const seen = new Map<string, string>()
    const taken: Taken = []
    for (const claim of claims) {
      const listener = open.find((each) => stands(each, claim))
      if (listener === undefined) continue
      const by = owners.get(listener.inode) ?? (await ownerOf(listener))
      seen.set(listener.inode, by)
      taken.push({ ...claim, by })
    }
    owners = seen
    return taken
  }
}

function asSpec({ protocol, port, ip }: HostPortClaim) {
  return { protocol, hostPort: port, ...(ip === undefined ? {} : { hostIp: formatAddress(parseAddress(ip)) }) }
}
