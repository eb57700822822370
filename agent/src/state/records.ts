/**
 * What the agent remembers, as it lies in the state file (agent contract 4).
 *
 * Invariants
 * - `endpoints` is the agent's own record of what Docker was given: local wiring follows it, not the intent.
 * - An address stays in a record until the container is gone or off the network; only then is it in `releases`.
 */
import {
  EGRESS_MODES,
  Entry,
  type EntryMap,
  GatewayPriority,
  InterfaceName,
  Mac,
  Position,
  PublishedPort,
  RequestId,
  Uid,
} from '@weft/shared'
import { z } from 'zod'

/**
 * `claimed`: Docker asked for the address and made no endpoint yet. `new`: its interface waits in the host's netns.
 * `in-flight`: Docker moves it, there or back. `sandbox`: seen in its container. `detached`: the container is stopped
 * and keeps its addresses.
 */
const PHASES = ['claimed', 'new', 'in-flight', 'sandbox', 'detached'] as const

/** The namespace of an attached endpoint, to be found again when its path leads elsewhere. */
const AttachedTo = z.strictObject({
  inode: z.number().int(),
  /** Of the machine: cookies begin anew with each. */
  boot: z.string().max(64),
  /** The name was asked for; else it is the container's and follows it. */
  named: z.boolean(),
})

export const LocalRecord = z.strictObject({
  uid: Uid,
  network: Uid,
  mac: Mac,
  /** With prefix length: `10.0.0.7/24`. */
  addresses: z.array(z.string()).min(1),
  phase: z.enum(PHASES),
  /** `claimed` only: it was `detached` before Docker asked for it again, and becomes so again when nothing comes of it. */
  held: z.boolean(),
  /** Wall clock, milliseconds: when the phase began. */
  since: z.number(),
  /** The user named the address (`--ip`). */
  asked: z.boolean(),
  /** Docker chose this endpoint as its sandbox's way out (ProgramExternalConnectivity). */
  wayOut: z.boolean(),
  /** Of the ways out of a sandbox the highest has the default route; 0 unless said, below 0 never (`weft.gw-priority`). */
  gwPriority: GatewayPriority.optional(),
  /** Docker was told of no way out in Join: its default routes are the agent's to make. */
  ownGateway: z.literal(true).optional(),
  /** The network's egress at Join (or when it was attached): what Docker gave it follows from that. */
  joinedEgress: z.enum(EGRESS_MODES).optional(),
  /** Its way out once that became another; it stays when the network's is given back. */
  egress: z.enum(EGRESS_MODES).optional(),
  /** Ports that Docker wants open on the host for it (`-p`), where that is ours to do. */
  ports: z.array(PublishedPort).optional(),
  dockerEndpointId: z.string().optional(),
  /** Docker has said, since Join, that the container has started or was connected: it alters the interface no more. */
  settled: z.boolean(),
  /** Made by `weft attach`: Docker knows nothing of it, and its sandbox is named with its cookie. */
  attached: AttachedTo.optional(),
  /** The namespace file that Docker named in Join; of an attached one its path and cookie (sandbox-path.ts). */
  sandbox: z.string().optional(),
  /** The interface's name in its sandbox, once it was seen there. */
  link: z.string().optional(),
  /** The name that it should have there (option `weft.ifname`). */
  ifname: InterfaceName.optional(),
  /** With `ifname`: the name under which Docker put it there and will look for it. */
  dockerLink: z.string().optional(),
  containerId: z.string().optional(),
  name: z.string().optional(),
  aliases: z.array(z.string()),
  /** Its addresses belong to its container's name. */
  reserved: z.literal(true).optional(),
})
export type LocalRecord = z.infer<typeof LocalRecord>

/** Endpoints whose addresses are to be given back; with the request id under which it is asked again and again. */
export const Release = z.strictObject({ req: RequestId, endpoints: z.array(Uid) })
export type Release = z.infer<typeof Release>

/** Who we are to the cluster. */
export const Identity = z.strictObject({
  cluster: z.string(),
  incarnation: z.number().int(),
  epoch: z.number().int(),
})
export type Identity = z.infer<typeof Identity>

/** The lines of the file: each is one JSON text. */
export const Sections = {
  about: z.strictObject({
    instance: z.string(),
    identity: Identity.nullable(),
    position: Position.nullable(),
    /** False after the file was lost: which containers have which endpoint must be read back from Docker first. */
    endpointsKnown: z.boolean(),
    releases: z.array(Release),
    /** Docker's network ids to ours: endpoint calls name nothing else. */
    dockerNetworks: z.record(z.string(), Uid),
    /** Docker's data root and storage driver: needed while Docker starts containers and answers no question. */
    docker: z.strictObject({ root: z.string(), driver: z.string() }).nullable(),
  }),
  entries: z.array(Entry),
  endpoints: z.array(LocalRecord),
} as const

/** The part of the state that plugin calls alter: it is written by itself, without the intent. */
export const LiveSections = {
  about: Sections.about.pick({ releases: true, dockerNetworks: true, docker: true, endpointsKnown: true }),
  endpoints: Sections.endpoints,
} as const

export interface LiveState extends z.infer<typeof LiveSections.about> {
  readonly endpoints: LocalRecords
}

export type LocalRecords = ReadonlyMap<string, LocalRecord>

export interface AgentState extends z.infer<typeof Sections.about> {
  readonly entries: EntryMap
  readonly endpoints: LocalRecords
}

/** What a host knows that never ran an agent, or lost its file. */
export function blankState(instance: string): AgentState {
  return {
    instance,
    identity: null,
    position: null,
    endpointsKnown: false,
    releases: [],
    dockerNetworks: {},
    docker: null,
    entries: new Map(),
    endpoints: new Map(),
  }
}

/** `state` with the live part of `live`; the very same object when it has that already. */
export function withLive(state: AgentState, live: LiveState): AgentState {
  const { endpoints, releases, dockerNetworks, docker, endpointsKnown } = live
  const same =
    state.endpoints === endpoints &&
    state.releases === releases &&
    state.dockerNetworks === dockerNetworks &&
    state.docker === docker &&
    state.endpointsKnown === endpointsKnown
  return same ? state : { ...state, endpoints, releases, dockerNetworks, docker, endpointsKnown }
}

/** The state with one record put in or replaced. */
export function withRecord(state: AgentState, record: LocalRecord): AgentState {
  return { ...state, endpoints: new Map(state.endpoints).set(record.uid, record) }
}

/** The state without these records, and their addresses on the way back. */
export function withReleased(state: AgentState, uids: readonly string[], req: string): AgentState {
  const gone = uids.filter((uid) => state.endpoints.has(uid))
  if (gone.length === 0) return state
  const endpoints = new Map(state.endpoints)
  for (const uid of gone) endpoints.delete(uid)
  return { ...state, endpoints, releases: [...state.releases, { req, endpoints: gone }] }
}

/** True while the record's interface should exist. */
export function isWired(record: LocalRecord): boolean {
  return record.phase === 'new' || record.phase === 'in-flight' || record.phase === 'sandbox'
}

/** The endpoint that Docker knows by that id. */
export function byDockerId(state: AgentState, endpointId: string): LocalRecord | undefined {
  return [...state.endpoints.values()].find(({ dockerEndpointId }) => dockerEndpointId === endpointId)
}
