/** What is answered to NetworkDriver.Join. Pure. */
import { deviceRoutes, interfaceName, type NetworkSpec } from '@weft/shared'
import { gatewaysOf, hasGateway, otherSubnets, traitsOf } from '../state/networks.ts'
import type { LocalRecord } from '../state/records.ts'
import { mayBeWayOut } from '../state/ways-out.ts'

/** What Docker is to do with the interface (DOCKER.md 1.2, 1.3). */
export function joinAnswer(network: NetworkSpec, record: LocalRecord): unknown {
  const { deviceRoute } = traitsOf(network)
  // Docker is told of no second way out (ways-out.ts), nor of one that is not wanted.
  const isSilent = record.ownGateway === true || !mayBeWayOut(record)
  const isOut = hasGateway(network) && !isSilent
  const gateways = isOut && !deviceRoute ? gatewaysOf(network, record.addresses) : []
  const gateway = gateways.find((address) => !address.includes(':'))
  const gateway6 = gateways.find((address) => address.includes(':'))
  const ways = isOut && deviceRoute ? deviceRoutes(record.addresses) : []
  const routes = [...otherSubnets(network, record.addresses), ...ways]
  return {
    InterfaceName: { SrcName: interfaceName('container', record.uid), DstPrefix: prefixOf(record.ifname) },
    ...(gateway === undefined ? {} : { Gateway: gateway }),
    ...(gateway6 === undefined ? {} : { GatewayIPv6: gateway6 }),
    // Docker does not count an on-link default route as a way out: it would add its own bridge, and fail on the second route.
    ...(network.internal || network.egress === 'none' || ways.length > 0 || isSilent
      ? { DisableGatewayService: true }
      : {}),
    // Route type 1 is on-link.
    ...(routes.length === 0 ? {} : { StaticRoutes: routes.map((Destination) => ({ Destination, RouteType: 1 })) }),
  }
}

/** Docker adds a number, beginning with 0: a name that ends so is there from the first instruction on. */
export function prefixOf(ifname: string | undefined): string {
  return /^(.*\D)0$/.exec(ifname ?? '')?.[1] ?? 'eth'
}
