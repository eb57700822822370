/** A network as Docker's engine describes one: the struct that `docker network inspect -f` templates see. */
import { GoMap, GoStruct, GoTime, type Value } from './template/index.ts'

type Texts = Readonly<Record<string, string>>

export interface DockerEndpoint {
  readonly Name: string
  readonly EndpointID: string
  readonly MacAddress: string
  readonly IPv4Address: string
  readonly IPv6Address: string
}

export interface DockerSubnet {
  readonly Subnet?: string
  readonly IPRange?: string
  readonly Gateway?: string
  readonly AuxiliaryAddresses?: Texts
}

/** What `docker network inspect` prints (Engine API 1.41, NetworkResource), as far as it is a network's own. */
export interface DockerNetwork {
  readonly Name: string
  readonly Id: string
  readonly Created: string
  readonly Scope: string
  readonly Driver: string
  readonly EnableIPv6: boolean
  readonly IPAM: {
    readonly Driver: string
    readonly Options: Texts | null
    readonly Config: readonly DockerSubnet[] | null
  }
  readonly Internal: boolean
  readonly Attachable: boolean
  readonly Ingress: boolean
  readonly ConfigFrom: { readonly Network: string }
  readonly ConfigOnly: boolean
  readonly Containers: Readonly<Record<string, DockerEndpoint>>
  readonly Options: Texts
  readonly Labels: Texts
}

/** @param more fields of our own, behind Docker's; `endpoint` adds some to a container */
export function dockerNetwork(
  network: DockerNetwork,
  more: Readonly<Record<string, Value>> = {},
  endpoint: (id: string) => Readonly<Record<string, Value>> = () => ({}),
): GoStruct {
  const containers = Object.entries(network.Containers).map(
    ([id, each]) => [id, new GoStruct({ ...endpointFields(each), ...endpoint(id) })] as const,
  )
  const { IPAM, ConfigFrom } = network
  return new GoStruct(
    {
      Name: network.Name,
      ID: network.Id,
      Created: new GoTime(network.Created),
      Scope: network.Scope,
      Driver: network.Driver,
      EnableIPv6: network.EnableIPv6,
      IPAM: new GoStruct({
        Driver: IPAM.Driver,
        Options: texts(IPAM.Options ?? {}),
        Config: (IPAM.Config ?? []).map(subnet),
      }),
      Internal: network.Internal,
      Attachable: network.Attachable,
      Ingress: network.Ingress,
      ConfigFrom: new GoStruct({ Network: ConfigFrom.Network }),
      ConfigOnly: network.ConfigOnly,
      Containers: new GoMap(Object.fromEntries(containers), new GoStruct(endpointFields(NOBODY))),
      Options: texts(network.Options),
      Labels: texts(network.Labels),
      ...more,
    },
    { ID: { name: 'Id' } },
  )
}

const NOBODY: DockerEndpoint = { Name: '', EndpointID: '', MacAddress: '', IPv4Address: '', IPv6Address: '' }

function endpointFields({ Name, EndpointID, MacAddress, IPv4Address, IPv6Address }: DockerEndpoint) {
  return { Name, EndpointID, MacAddress, IPv4Address, IPv6Address }
}

function subnet({ Subnet = '', IPRange = '', Gateway = '', AuxiliaryAddresses = {} }: DockerSubnet): GoStruct {
  return new GoStruct(
    { Subnet, IPRange, Gateway, AuxAddress: texts(AuxiliaryAddresses) },
    {
      Subnet: { omitEmpty: true },
      IPRange: { omitEmpty: true },
      Gateway: { omitEmpty: true },
      AuxAddress: { name: 'AuxiliaryAddresses', omitEmpty: true },
    },
  )
}

function texts(map: Texts): GoMap {
  return new GoMap(map, '')
}
