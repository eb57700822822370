/** Between the agent's records, what the plan expands, and what the controller is told. Pure. */
import {
  type Attachment,
  containsAddress,
  driverFor,
  EndpointName,
  type EndpointReport,
  type EntryMap,
  interfaceName,
  type LocalEndpoint,
  type NetworkSpec,
  parseAddress,
  parseCidr,
  parseInterfaceAddress,
  parseOptions,
  type SubnetSpec,
  WeftError,
} from '@weft/shared'
import { isWired, type LocalRecord, type LocalRecords } from './records.ts'

export function networkOf(entries: EntryMap, uid: string): NetworkSpec | undefined {
  const entry = entries.get(`network/${uid}`)
  return entry?.kind === 'network' ? entry : undefined
}

/** The subnet of the network that spans the address (with or without prefix length). */
export function subnetOf(network: NetworkSpec, address: string): SubnetSpec | undefined {
  const plain = parseAddress(address.split('/')[0] ?? '')
  return network.subnets.find(({ cidr }) => containsAddress(parseCidr(cidr), plain))
}

/** `10.0.0.7` as Docker and the kernel want it: `10.0.0.7/24`. */
export function withPrefix(address: string, subnet: SubnetSpec): string {
  return `${address}/${parseCidr(subnet.cidr).prefixLength}`
}

export function withoutPrefix(address: string): string {
  return address.split('/')[0] ?? ''
}

/** The gateways of the subnets that the addresses are in, IPv4 first. */
export function gatewaysOf(network: NetworkSpec, addresses: readonly string[]): string[] {
  return addresses.flatMap((address) => subnetOf(network, address)?.gateway ?? [])
}

/** True when containers of the network go out through the subnet's gateway. */
export function hasGateway(network: NetworkSpec): boolean {
  return network.egress === 'gateway' && !network.internal
}

/** What a network's driver says of its containers' interfaces. */
export interface InterfaceTraits {
  /** Its interfaces have their parent's MAC. */
  readonly sharesMac: boolean
  /** Their default routes are by device. */
  readonly deviceRoute: boolean
}

/** Of a network that cannot be read: as most have it; the plan reports why. */
const COMMON_TRAITS: InterfaceTraits = { sharesMac: false, deviceRoute: false }

export function traitsOf(network: NetworkSpec): InterfaceTraits {
  try {
    const driver = driverFor(network.driver)
    const options = parseOptions(driver, network.options)
    return { sharesMac: driver.macs(options) === 'parent', deviceRoute: driver.defaultRoute(options) === 'device' }
  } catch (error) {
    if (error instanceof WeftError) return COMMON_TRAITS
    throw error
  }
}

/** The wired endpoints of this host, by network, as the drivers take them. */
export function localEndpoints(records: LocalRecords, entries: EntryMap): Map<string, LocalEndpoint[]> {
  const byNetwork = new Map<string, LocalEndpoint[]>()
  const traitsByNetwork = new Map<string, InterfaceTraits>()
  for (const record of records.values()) {
    if (!isWired(record)) continue
    const network = networkOf(entries, record.network)
    const traits = traitsByNetwork.get(record.network) ?? (network === undefined ? COMMON_TRAITS : traitsOf(network))
    traitsByNetwork.set(record.network, traits)
    const isOut = network !== undefined && hasGateway(network)
    const gateways = record.wayOut && isOut && !traits.deviceRoute
    const endpoint: LocalEndpoint = {
      uid: record.uid,
      mac: record.mac,
      addresses: record.addresses,
      ...(traits.sharesMac ? { sharesMac: true } : {}),
      gateways: gateways ? gatewaysOf(network, record.addresses) : [],
      // Docker names no endpoint as its way out for a route by device.
      ...(isOut && traits.deviceRoute ? { deviceRoute: true } : {}),
      // Subnets may be added while it runs.
      routes:
        network === undefined ? [] : otherSubnets(network, record.addresses).map((destination) => ({ destination })),
      attachment: attachmentOf(record),
      ...(record.name === undefined ? {} : { name: record.name }),
    }
    const known = byNetwork.get(record.network)
    if (known === undefined) byNetwork.set(record.network, [endpoint])
    else known.push(endpoint)
  }
  return byNetwork
}

function attachmentOf(record: LocalRecord): Attachment {
  const own = { netns: '', name: interfaceName('container', record.uid) }
  const { phase, sandbox, link } = record
  if (phase === 'new') return { phase, link: own }
  if (phase === 'sandbox' && sandbox !== undefined && link !== undefined) {
    return { phase, link: { netns: sandbox, name: link } }
  }
  return { phase: 'in-flight', link: own, ...(sandbox === undefined ? {} : { sandbox }) }
}

/** A record after the plan saw where its interface is; the very same object when nothing is new. */
export function withAttachment(record: LocalRecord, attachment: Attachment, now: number): LocalRecord {
  if (attachment.phase === 'sandbox' && record.phase === 'in-flight' && record.sandbox === attachment.link.netns) {
    return { ...record, phase: 'sandbox', link: attachment.link.name, since: now }
  }
  if (attachment.phase === 'in-flight' && record.phase === 'sandbox') {
    const { link: _, ...rest } = record
    return { ...rest, phase: 'in-flight' }
  }
  return record
}

/** Namespace files that must be looked into. */
export function sandboxesOf(records: LocalRecords): string[] {
  const wired = [...records.values()].filter(isWired)
  return [...new Set(wired.flatMap(({ sandbox }) => sandbox ?? []))].sort()
}

/** What the controller is told of a record. Names that it would not take are left out: Docker allows more than DNS. */
export function reportOf(record: LocalRecord): EndpointReport {
  const name = EndpointName.safeParse(record.name)
  return {
    uid: record.uid,
    state: record.phase === 'detached' ? 'detached' : 'attached',
    ...(name.success ? { name: name.data } : {}),
    aliases: record.aliases.filter((alias) => EndpointName.safeParse(alias).success).slice(0, 64),
    ...(record.containerId === undefined ? {} : { containerId: record.containerId }),
    ...(record.dockerEndpointId === undefined ? {} : { dockerEndpointId: record.dockerEndpointId }),
  }
}

/** On-link routes to the network's other subnets of the families that the endpoint has. */
export function otherSubnets(network: NetworkSpec, addresses: readonly string[]): string[] {
  const own = new Set(addresses.map((address) => subnetOf(network, address)?.uid))
  const families = new Set(addresses.map((address) => parseInterfaceAddress(address).address.family))
  return network.subnets
    .filter((subnet) => !own.has(subnet.uid) && families.has(parseCidr(subnet.cidr).family))
    .map(({ cidr }) => cidr)
}
