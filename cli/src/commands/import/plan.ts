/** From a Docker network as it is to the network that takes its place. Pure. */
import { type FoundDockerNetwork, type NetworkCreateRequest, WeftError } from '@weft/shared'

export interface ImportPlan {
  readonly request: Omit<NetworkCreateRequest, 'req' | 'dryRun'>
  /** Of running containers. */
  readonly reservations: readonly { readonly name: string; readonly addresses: string[]; readonly mac?: string }[]
  /** What is lost on the way. */
  readonly notes: readonly string[]
}

/** Docker's options that mean something to a driver of ours, by ours. */
const OPTIONS: Readonly<Record<string, string>> = {
  parent: 'parent',
  macvlan_mode: 'macvlan_mode',
  ipvlan_mode: 'ipvlan_mode',
  ipvlan_flag: 'ipvlan_flag',
  'com.docker.network.driver.mtu': 'mtu',
  'com.docker.network.bridge.enable_icc': 'icc',
}
const ON_A_PARENT = ['macvlan', 'ipvlan']
const TAKEN = ['bridge', ...ON_A_PARENT]

/** @throws `unsupported` for a driver that is not taken over */
export function importPlan(
  found: FoundDockerNetwork,
  host: string,
  wish: { readonly driver?: string | undefined; readonly name?: string | undefined },
): ImportPlan {
  if (!TAKEN.includes(found.driver)) {
    throw new WeftError('unsupported', {
      what: 'network cannot be taken over',
      on: found.name,
      why: `its driver is ${found.driver}; ${TAKEN.join(', ')} can be`,
      remedy: 'make one with weft network create, and connect its containers to it',
    })
  }
  const driver = wish.driver ?? found.driver
  const isTaken = (option: string) => {
    const own = OPTIONS[option]
    if (own === undefined) return false
    if (own === 'parent') return ON_A_PARENT.includes(driver) || driver === 'bridge'
    return own === 'mtu' || own === 'icc' || own.startsWith(driver)
  }
  const options = Object.entries(found.options)
    .filter(([option]) => isTaken(option))
    .map(([option, value]) => [OPTIONS[option] ?? option, value])
  const lost = Object.keys(found.options).filter((option) => !isTaken(option))
  const running = found.members.filter(({ addresses }) => addresses.length > 0)
  return {
    request: {
      name: wish.name ?? found.name,
      driver,
      subnets: found.subnets.map(({ auxAddresses: _, ...subnet }) => subnet),
      auxAddresses: Object.assign({}, ...found.subnets.map(({ auxAddresses }) => auxAddresses)),
      options: Object.fromEntries(options),
      labels: found.labels,
      internal: found.internal,
      ipv4: true,
      ipv6: false,
      replaces: host,
    },
    reservations: running.map(({ name, addresses, mac }) => ({
      name,
      addresses,
      ...(mac === undefined ? {} : { mac }),
    })),
    notes: lost.map((option) => `option ${option}=${found.options[option]} has no counterpart in driver ${driver}`),
  }
}
