/**
 * What a check is. Judging is pure (facts in, verdicts out, tested with facts as data); probing is the I/O before it.
 * A new check is one file here and one line in registry.ts.
 */
import type {
  DoctorFinding,
  DoctorRequest,
  Egress,
  HostFacts,
  HostProblem,
  NetworkSpec,
  VxlanFilter,
} from '@weft/shared'
import type { ThrowawayNetns } from '../netns.ts'

export type Verdict = Omit<DoctorFinding, 'check' | 'hosts'>

/** What a host's checks may look at. */
export interface HostEnv {
  readonly host: string
  /** The controller's request, and when it came: wall clock, milliseconds. */
  readonly asked: Extract<DoctorRequest, { do: 'host' }>
  readonly receivedMs: number
  readonly facts: HostFacts
  readonly networks: readonly NetworkSpec[]
  /** Network uids in which this host has endpoints. */
  readonly partOf: ReadonlySet<string>
  /** Containers that keep another way out than their network's. */
  readonly keeping: readonly { readonly name: string; readonly network: string; readonly egress: Egress }[]
  /** VXLAN filters as the intent wants them. */
  readonly filters: readonly VxlanFilter[]
  /** A pass of the loop that was made for this. */
  readonly pass: () => Promise<{ problems: readonly HostProblem[]; filters: readonly VxlanFilter[] | undefined }>
  readonly docker: () => Promise<DockerFacts>
  readonly pluginSocket: string
  readonly dataFolder: string
  /** Makes a throwaway netns for the length of the call. */
  readonly inNetns: <T>(body: (netns: ThrowawayNetns) => Promise<T>) => Promise<T>
}

export interface DockerFacts {
  readonly version: string
  readonly liveRestore: boolean
  readonly root: string
  readonly networks: readonly string[]
}

export interface HostCheck<F> {
  readonly name: string
  readonly probe: (env: HostEnv) => Promise<F>
  readonly judge: (facts: F) => readonly Verdict[]
}

/** A check of a host with its facts' type left out, as the registry holds it. */
export interface AnyHostCheck {
  readonly name: string
  readonly run: (env: HostEnv) => Promise<readonly Verdict[]>
}

/** Ties the two halves of a check together. */
export function hostCheck<F>({ name, probe, judge }: HostCheck<F>): HostCheck<F> & AnyHostCheck {
  return { name, probe, judge, run: async (env) => judge(await probe(env)) }
}

/** What one probe between two hosts measured; `host` asked, `peer` answered. */
export interface PairFacts {
  readonly host: string
  readonly peer: string
  readonly udpPort: number
  readonly underlay: { readonly interface: string; readonly mtu: number }
  readonly overlays: readonly { readonly name: string; readonly mtu: number; readonly overheadBytes: number }[]
  readonly path: PathFacts
  readonly wires: readonly WireFacts[]
}

/** Over a throwaway vxlan device between the two. */
export type PathFacts =
  | { readonly tried: false; readonly reason: string }
  | {
      readonly tried: true
      /** UDP through it came back. */
      readonly answered: boolean
      /** Anything of the peer arrived here; and how many of our datagrams it says to have had. */
      readonly heard: boolean
      readonly peerHeard: number
      /** Asked only when UDP was not answered. */
      readonly pinged: boolean
      /** Largest outer IP packet with DF that came back, bytes; undefined when none was tried. */
      readonly largest: number | undefined
      readonly tcp: TcpFacts | undefined
    }

export interface TcpFacts {
  readonly bytes: number
  readonly ms: number
  readonly intact: boolean
  /** Why it did not end. */
  readonly trouble?: string
}

/** On the wire of a parent interface, by a throwaway macvlan on both hosts. */
export interface WireFacts {
  readonly parent: string
  readonly networks: readonly string[]
  readonly tagged: boolean
  /** Why this host could not try. */
  readonly trouble?: string
  readonly answered: boolean
  readonly heard: boolean
  /** Of whose MACs `answered` and `heard` are. */
  readonly macs: 'own' | 'parent'
  readonly ownMac: OwnMacFacts
}

/** Of broadcasts that the parent interfaces themselves send: theirs arrived here, ours there. */
export interface OwnMacFacts {
  readonly heard: boolean
  readonly peerHeard: boolean
}

export interface PairCheck {
  readonly name: string
  readonly judge: (facts: PairFacts) => readonly Verdict[]
}
