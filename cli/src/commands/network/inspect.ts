import type { EndpointView, NetworkView } from '@weft/shared'
import { inspectEach } from '../inspect.ts'
import type { Run } from '../spec.ts'

/** Prints a JSON array with those networks that exist; the others are errors. */
export const run: Run = async (context, { args }) =>
  await inspectEach(context, 'network', args, async (client, ref) => {
    const network = await client.call('networkInspect', { params: { ref } })
    const endpoints = await client.call('endpointList', { query: { network: network.uid } })
    return dockerView(network, endpoints)
  })

/** A network in the fields that `docker network inspect` has, and Weft's own under `Weft`. */
export function dockerView(network: NetworkView, endpoints: readonly EndpointView[]): object {
  return {
    Name: network.name,
    Id: network.uid,
    Created: network.createdAt,
    Scope: 'global',
    Driver: network.driver,
    EnableIPv4: network.subnets.some((subnet) => !subnet.cidr.includes(':')),
    EnableIPv6: network.subnets.some((subnet) => subnet.cidr.includes(':')),
    IPAM: { Driver: 'weft', Options: {}, Config: network.subnets.map(dockerSubnet) },
    Internal: network.internal,
    Attachable: true,
    Ingress: false,
    Containers: Object.fromEntries(
      endpoints.map((endpoint) => [endpoint.containerId ?? endpoint.uid, container(network, endpoint)]),
    ),
    Options: network.options,
    Labels: network.labels,
    Weft: {
      Egress: network.egress,
      Mtu: network.mtu ?? null,
      Vni: network.vni ?? null,
      Endpoints: network.endpoints,
      Revision: network.revision,
      Usage: network.subnets.map(({ cidr, usable, used, reserved }) => ({
        Subnet: cidr,
        Usable: usable,
        Used: used,
        Reserved: reserved,
      })),
      Warnings: network.warnings,
    },
  }
}

function dockerSubnet(subnet: NetworkView['subnets'][number]): object {
  return {
    Subnet: subnet.cidr,
    ...(subnet.gateway === undefined ? {} : { Gateway: subnet.gateway }),
    ...(subnet.ipRange === undefined ? {} : { IPRange: subnet.ipRange }),
    ...(Object.keys(subnet.auxAddresses).length === 0 ? {} : { AuxiliaryAddresses: subnet.auxAddresses }),
  }
}

function container(network: NetworkView, endpoint: EndpointView): object {
  const address = (six: boolean) => {
    const text = endpoint.addresses.find((each) => each.includes(':') === six)
    const cidr = network.subnets.find((subnet) => subnet.cidr.includes(':') === six)?.cidr
    return text === undefined ? '' : text.includes('/') ? text : `${text}/${cidr?.split('/')[1] ?? ''}`
  }
  return {
    Name: endpoint.name ?? '',
    EndpointID: endpoint.uid,
    MacAddress: endpoint.mac,
    IPv4Address: address(false),
    IPv6Address: address(true),
    Host: endpoint.host,
    State: endpoint.state,
  }
}
