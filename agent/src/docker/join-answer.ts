/** What is answered to NetworkDriver.Join, and what is remembered of it. Pure. */
import { deviceRoutes, interfaceName, type NetworkSpec, type PublishedPort } from '@weft/shared'
import { gatewaysOf, hasGateway, networkOf, otherSubnets, traitsOf } from '../state/networks.ts'
import type { AgentState, LocalRecord } from '../state/records.ts'
import { hasOtherWayOut, isUnseenByDocker, mayBeWayOut } from '../state/ways-out.ts'

/** The record of an endpoint that Docker is about to move into a sandbox. */
export function joinedRecord(
  { endpoints, entries }: AgentState,
  { ownGateway: _, ports: __, egress: ___, joinedEgress: ____, ...record }: LocalRecord,
  { sandbox, ports, now }: { readonly sandbox: string; readonly ports: readonly PublishedPort[]; readonly now: number },
): LocalRecord {
  const network = networkOf(entries, record.network)
  const isSilent =
    network === undefined ||
    !hasGateway(network) ||
    hasOtherWayOut(endpoints, entries, record.uid, sandbox) ||
    isUnseenByDocker(record, entries)
  return {
    ...record,
    ...{ phase: 'in-flight', settled: false, sandbox, since: now },
    ...(isSilent ? { ownGateway: true } : {}),
    ...(network === undefined || network.internal ? {} : { joinedEgress: network.egress }),
    ...(ports.length === 0 ? {} : { ports: [...ports] }),
  }
}

/** What Docker is to do with the interface (DOCKER.md 1.2, 1.3). */
export function joinAnswer(network: NetworkSpec, record: LocalRecord): unknown {
  const { deviceRoute } = traitsOf(network)
  // Docker is told of no second way out (ways-out.ts), nor of one that is not wanted.
  const isSilent = (hasGateway(network) && record.ownGateway === true) || !mayBeWayOut(record)
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
