import {
  containsAddress,
  type Driver,
  driverFor,
  type EndpointView,
  type NetworkView,
  parseAddress,
  parseCidr,
  parseOptions,
  WeftError,
} from '@weft/shared'
import { type DockerSubnet, dockerNetwork } from '../../output/docker-network.ts'
import { GoStruct } from '../../output/template/index.ts'
import { inspectEach } from '../inspect.ts'
import type { Run } from '../spec.ts'

/** Prints those networks that exist, as JSON or by a template; the others are errors. */
export const run: Run = async (context, given) =>
  await inspectEach(context, 'network', given, async (client, ref) => {
    const network = await client.call('networkInspect', { params: { ref } })
    const endpoints = await client.call('endpointList', { query: { network: network.uid } })
    return dockerView(network, endpoints)
  })

/** A network in the fields that `docker network inspect` has, and Weft's own under `Weft`. */
export function dockerView(network: NetworkView, endpoints: readonly EndpointView[]): GoStruct {
  const isContainers = ({ role }: EndpointView) => role === undefined
  const containers = new Map(
    endpoints.filter(isContainers).map((endpoint) => [endpoint.containerId ?? endpoint.uid, endpoint]),
  )
  const others = endpoints.filter((endpoint) => !isContainers(endpoint))
  return dockerNetwork(
    {
      Name: network.name,
      Id: network.uid,
      Created: network.createdAt,
      Scope: 'global',
      Driver: network.driver,
      EnableIPv6: network.subnets.some((subnet) => subnet.cidr.includes(':')),
      IPAM: { Driver: 'weft', Options: {}, Config: network.subnets.map(dockerSubnet) },
      Internal: network.internal,
      Attachable: true,
      Ingress: false,
      ConfigFrom: { Network: '' },
      ConfigOnly: false,
      Containers: Object.fromEntries([...containers].map(([id, endpoint]) => [id, container(network, endpoint)])),
      Options: network.options,
      Labels: network.labels,
    },
    { EnableIPv4: network.subnets.some((subnet) => !subnet.cidr.includes(':')), Weft: ownFields(network, others) },
    (id) => ({ Host: containers.get(id)?.host, State: containers.get(id)?.state }),
  )
}

/** @param others interfaces that are no container's: hosts' own access, legs of routers */
function ownFields(network: NetworkView, others: readonly EndpointView[]): GoStruct {
  return new GoStruct({
    Egress: network.egress,
    Guard: guardOf(network),
    Mtu: network.mtu ?? null,
    Vni: network.vni ?? null,
    Endpoints: network.endpoints,
    Revision: network.revision,
    Usage: network.subnets.map(
      ({ cidr, usable, used, reserved }) =>
        new GoStruct({ Subnet: cidr, Usable: usable, Used: used, Reserved: reserved }),
    ),
    Interfaces: others.map(
      ({ role, router, host, mac, addresses }) =>
        new GoStruct({ Role: role, Router: router ?? '', Host: host, MacAddress: mac, Addresses: addresses }),
    ),
    Warnings: network.warnings,
  })
}

/** Where containers are kept from sending as another; null for a driver or options that this program does not know. */
function guardOf({ driver, options }: NetworkView): string | null {
  try {
    const known: Driver = driverFor(driver)
    return known.guard(parseOptions(known, options))
  } catch (error) {
    if (error instanceof WeftError) return null
    throw error
  }
}

function dockerSubnet({ cidr, gateway, ipRange, auxAddresses }: NetworkView['subnets'][number]): DockerSubnet {
  return {
    Subnet: cidr,
    ...(gateway === undefined ? {} : { Gateway: gateway }),
    ...(ipRange === undefined ? {} : { IPRange: ipRange }),
    AuxiliaryAddresses: auxAddresses,
  }
}

function container(network: NetworkView, endpoint: EndpointView) {
  const address = (six: boolean) => {
    const text = endpoint.addresses.find((each) => each.includes(':') === six)
    return text === undefined ? '' : withPrefix(network, text)
  }
  return {
    Name: endpoint.name ?? '',
    EndpointID: endpoint.uid,
    MacAddress: endpoint.mac,
    IPv4Address: address(false),
    IPv6Address: address(true),
  }
}

/** `10.20.0.7` as Docker shows it: `10.20.0.7/24`, by the subnet that it lies in. */
function withPrefix(network: NetworkView, text: string): string {
  const subnet = network.subnets.find(({ cidr }) => containsAddress(parseCidr(cidr), parseAddress(text)))
  return subnet === undefined ? text : `${text}/${parseCidr(subnet.cidr).prefixLength}`
}
