/**
 * Taking a Docker network of this host over: its containers go to a network of ours that has the same name, and it is
 * removed in between, since an engine has one network of a name and a host one of a subnet.
 *
 * Invariant: while the Docker network is there what was taken off it can go back, and does when the removal fails. From
 * then on a container that cannot be connected is told by name; its address is reserved for it and waits.
 */
import {
  EndpointName,
  type FoundDockerNetwork,
  type FoundMember,
  formatAddress,
  type HostReply,
  type HostRequest,
  Mac,
  parseAddress,
  WeftError,
} from '@weft/shared'
import type { StateStore } from '../state/store.ts'
import { oncePerWish } from '../wishes.ts'
import { connectBody } from './connect.ts'
import type { EndpointSettings, Engine, InspectedContainer, InspectedNetwork } from './engine.ts'
import { DRIVER_NAME } from './pools.ts'

export interface TakeOverOptions {
  readonly host: string
  readonly engine: Engine
  readonly store: StateStore
  /** Holds `<network uid> <container id>` of what is being connected. */
  readonly connecting: Set<string>
  /** Docker's networks are to be looked at again. */
  readonly lookAgain: () => void
  readonly pause: (ms: number) => Promise<void>
}

const LOOK_MS = 100
/** For our network to be known to this host, and to be made in its Docker. */
const FOLLOW_MS = 15_000

export function createTakeOver(options: TakeOverOptions) {
  const { engine } = options
  const find = async (ref: string): Promise<FoundDockerNetwork | undefined> => {
    const network = await engine.network(ref)
    if (network === undefined || network.Driver === DRIVER_NAME) return undefined
    const containers: InspectedContainer[] = []
    // Only an inspection tells aliases and fixed addresses.
    for (const { Id, NetworkSettings } of await engine.containers()) {
      if (membership(NetworkSettings?.Networks, network) === undefined) continue
      const container = await engine.container(Id)
      if (container !== undefined) containers.push(container)
    }
    return foundNetwork(network, containers)
  }
  return {
    find: async ({ network }: HostRequest<'docker-network'>): Promise<HostReply<'docker-network'>> => ({
      found: (await find(network)) ?? null,
    }),
    takeOver: oncePerWish(async (request: HostRequest<'take-over'>): Promise<HostReply<'take-over'>> => {
      const found = await find(request.from)
      if (found === undefined) {
        const remedy = 'see docker network ls there'
        throw new WeftError('not_found', { what: 'no such Docker network', on: request.from, remedy })
      }
      await until(options, () => options.store.written.entries.has(`network/${request.network}`), 'of our network')
      await leave(options, found)
      options.lookAgain()
      return await connectAll(options, request.network, found.members)
    }),
  }
}

/** Takes every container off and removes the network; puts them back when that fails. */
async function leave({ engine }: TakeOverOptions, { id, name, members }: FoundDockerNetwork): Promise<void> {
  const left: FoundMember[] = []
  try {
    for (const member of members) {
      await engine.disconnectNetwork(id, { Container: member.id, Force: false })
      left.push(member)
    }
    await engine.removeNetwork(id)
  } catch (thrown) {
    const error = WeftError.from(thrown)
    const back = await Promise.allSettled(left.map((member) => engine.connectNetwork(id, returnBody(member))))
    const lost = left.filter((_, at) => back[at]?.status === 'rejected').map((member) => member.name)
    const undone = lost.length === 0 ? 'all containers are on it as before' : `${lost.join(', ')} could not be put back`
    throw new WeftError(error.code, {
      what: 'Docker network not taken over',
      on: name,
      why: `${error.message}; ${undone}`,
      remedy: 'look at it with docker network inspect, then try again',
      cause: error,
    })
  }
}

/** What cannot be connected is told: there is no way back. */
async function connectAll(
  options: TakeOverOptions,
  network: string,
  members: readonly FoundMember[],
): Promise<HostReply<'take-over'>> {
  const { engine, store, connecting } = options
  const made = until(options, () => ours(store, network), 'of it in Docker')
  const moved: string[] = []
  const failed: { name: string; why: string }[] = []
  for (const member of members) {
    const pair = `${network} ${member.id}`
    connecting.add(pair)
    try {
      await engine.connectNetwork(await made, wishBody(member))
      moved.push(member.name)
    } catch (error) {
      failed.push({ name: member.name, why: WeftError.from(error).message.slice(0, 2000) })
    } finally {
      connecting.delete(pair)
    }
  }
  return { moved, failed }
}

/** As it was made: a fixed address stays in its settings, another one is its reservation's. */
function wishBody({ id, ip, ip6, aliases }: FoundMember) {
  return connectBody(id, { ip, ip6, aliases, driverOpts: {} })
}

/** On the address that it had. */
function returnBody(member: FoundMember) {
  const ip = member.addresses.find((address) => !address.includes(':'))
  const ip6 = member.addresses.find((address) => address.includes(':'))
  return wishBody({ ...member, ...(ip === undefined ? {} : { ip }), ...(ip6 === undefined ? {} : { ip6 }) })
}

function ours(store: StateStore, network: string): string | undefined {
  return Object.entries(store.current.dockerNetworks).find(([, uid]) => uid === network)?.[0]
}

async function until<T>({ pause, host }: TakeOverOptions, look: () => T | undefined | false, what: string): Promise<T> {
  const end = performance.now() + FOLLOW_MS
  for (;;) {
    const seen = look()
    if (seen !== undefined && seen !== false) return seen
    if (performance.now() > end) {
      const why = `${host} knows nothing ${what} after ${FOLLOW_MS / 1000} s`
      throw new WeftError('deadline', { what: 'host has not followed', why, remedy: 'see weft status' })
    }
    await pause(LOOK_MS)
  }
}

/** Pure. */
export function foundNetwork(network: InspectedNetwork, containers: readonly InspectedContainer[]): FoundDockerNetwork {
  const { Id, Name, Driver, Internal, Options, Labels, IPAM } = network
  return {
    id: Id,
    name: Name,
    driver: Driver,
    internal: Internal,
    options: Options ?? {},
    labels: Labels ?? {},
    subnets: (IPAM.Config ?? [])
      .filter(({ Subnet }) => Subnet !== '')
      .map(({ Subnet, Gateway, IPRange, AuxiliaryAddresses }) => ({
        subnet: Subnet,
        ...(Gateway === '' ? {} : { gateway: plain(Gateway) }),
        ...(IPRange === '' ? {} : { ipRange: IPRange }),
        auxAddresses: AuxiliaryAddresses ?? {},
      })),
    members: containers.flatMap((container) => memberOf(container, network) ?? []),
  }
}

/** A container that never ran lists its networks by the name that was given to `docker run`. */
function membership(
  networks: Readonly<Record<string, EndpointSettings>> | undefined,
  { Id, Name }: InspectedNetwork,
): EndpointSettings | undefined {
  const found = Object.entries(networks ?? {}).find(
    ([key, { NetworkID }]) => NetworkID === Id || (NetworkID === '' && key === Name),
  )
  return found?.[1]
}

function memberOf(
  { Id, Name, State, NetworkSettings }: InspectedContainer,
  network: InspectedNetwork,
): FoundMember | undefined {
  const settings = membership(NetworkSettings.Networks, network)
  if (settings === undefined) return undefined
  const name = Name.replace(/^\//, '')
  const aliases = [...new Set(settings.Aliases ?? [])].filter(
    (alias) => alias !== name && !Id.startsWith(alias) && EndpointName.safeParse(alias).success,
  )
  const mac = Mac.safeParse(settings.MacAddress)
  const { IPv4Address = '', IPv6Address = '' } = settings.IPAMConfig ?? {}
  return {
    id: Id,
    name,
    running: State.Running,
    addresses: [settings.IPAddress, settings.GlobalIPv6Address].filter((text) => text !== '').map(plain),
    ...(mac.success ? { mac: mac.data } : {}),
    ...(IPv4Address === '' ? {} : { ip: plain(IPv4Address) }),
    ...(IPv6Address === '' ? {} : { ip6: plain(IPv6Address) }),
    aliases,
  }
}

/** Docker writes some addresses with their prefix length. */
function plain(text: string): string {
  return formatAddress(parseAddress(text.split('/')[0] ?? ''))
}
