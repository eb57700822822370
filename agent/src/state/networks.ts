/** What the intent says of a network, as the host's endpoints need it. Pure. */
import {
  containsAddress,
  driverFor,
  type EntryMap,
  type NetworkSpec,
  parseAddress,
  parseCidr,
  parseInterfaceAddress,
  parseOptions,
  type SubnetSpec,
  WeftError,
} from '@weft/shared'

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
  return (network.egress === 'gateway' || network.egress === 'weft') && !network.internal
}

/** What a network's driver says of its containers' interfaces. */
export interface InterfaceTraits {
  /** Its interfaces have their parent's MAC. */
  readonly sharesMac: boolean
  /** Their default routes are by device. */
  readonly deviceRoute: boolean
}

/** Of a network that cannot be read: as most have it; the plan reports why. */
export const COMMON_TRAITS: InterfaceTraits = { sharesMac: false, deviceRoute: false }

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

/** On-link routes to the network's other subnets of the families that the endpoint has. */
export function otherSubnets(network: NetworkSpec, addresses: readonly string[]): string[] {
  const own = new Set(addresses.map((address) => subnetOf(network, address)?.uid))
  const families = new Set(addresses.map((address) => parseInterfaceAddress(address).address.family))
  return network.subnets
    .filter((subnet) => !own.has(subnet.uid) && families.has(parseCidr(subnet.cidr).family))
    .map(({ cidr }) => cidr)
}
