/** Which Docker networks this host's engine should have, beside those that it has. Pure. */
import type { HostProblem, NetworkSpec } from '@weft/shared'
import type { DockerNetwork, NetworkCreate } from './engine.ts'
import { DRIVER_NAME, hasFamily, NETWORK_LABEL, NETWORK_OPTION } from './pools.ts'

export interface NetworkPlan {
  readonly create: readonly NetworkSpec[]
  readonly remove: readonly { readonly id: string; readonly name: string }[]
  readonly problems: readonly HostProblem[]
  /** Docker's ids of those that are right, to ours. */
  readonly known: Readonly<Record<string, string>>
}

/** Only networks of our driver with our label are ever removed. */
export function planNetworks(wanted: readonly NetworkSpec[], found: readonly DockerNetwork[]): NetworkPlan {
  const byUid = new Map(wanted.map((network) => [network.uid, network]))
  const known: Record<string, string> = {}
  const present = new Set<string>()
  const remove: { id: string; name: string }[] = []
  const foreign = new Map<string, DockerNetwork>()
  for (const network of found) {
    const uid = network.Driver === DRIVER_NAME ? network.Labels?.[NETWORK_LABEL] : undefined
    const spec = uid === undefined ? undefined : byUid.get(uid)
    if (uid === undefined) foreign.set(network.Name, network)
    else if (spec === undefined || spec.name !== network.Name || present.has(uid)) {
      remove.push({ id: network.Id, name: network.Name })
    } else {
      present.add(uid)
      known[network.Id] = uid
    }
  }
  const missing = wanted.filter(({ uid }) => !present.has(uid))
  return {
    create: missing.filter(({ name }) => !foreign.has(name)),
    remove,
    problems: missing.flatMap((network) => {
      const other = foreign.get(network.name)
      return other === undefined ? [] : [nameTaken(network, other)]
    }),
    known,
  }
}

function nameTaken(network: NetworkSpec, other: DockerNetwork): HostProblem {
  return {
    code: 'conflict',
    message: `network ${network.name}: this host's Docker has a network of that name already (driver ${other.Driver}, id ${other.Id.slice(0, 12)})`,
    network: network.uid,
    remedy: `on this host: docker network rm ${other.Id.slice(0, 12)}; Weft's appears by itself then`,
  }
}

/** The Engine API's request for a network. Docker hands our id on only in options (DOCKER.md 1.2). */
export function networkCreateBody(network: NetworkSpec): NetworkCreate {
  const options = { [NETWORK_OPTION]: network.uid }
  return {
    Name: network.name,
    CheckDuplicate: true,
    Driver: DRIVER_NAME,
    Internal: network.internal,
    EnableIPv4: hasFamily(network, 4),
    EnableIPv6: hasFamily(network, 6),
    Options: options,
    Labels: { ...network.labels, [NETWORK_LABEL]: network.uid },
    IPAM: {
      Driver: DRIVER_NAME,
      Options: options,
      Config: network.subnets.map(({ cidr, ipRange, gateway, auxAddresses }) => ({
        Subnet: cidr,
        ...(ipRange === undefined ? {} : { IPRange: ipRange }),
        ...(gateway === undefined ? {} : { Gateway: gateway }),
        ...(Object.keys(auxAddresses).length === 0 ? {} : { AuxiliaryAddresses: auxAddresses }),
      })),
    },
  }
}
