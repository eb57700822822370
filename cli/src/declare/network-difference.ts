/** A network as a file wants it beside the one that there is. What a file leaves out and Weft chooses is right as it is. Pure. */
import { changedOptions, driverFor, type NetworkUpdateRequest, type NetworkView, whyFixed } from '@weft/shared'
import type { Fixed } from './kind.ts'
import type { NetworkFile } from './network-file.ts'

export type NetworkWish = Pick<
  NetworkUpdateRequest,
  'labels' | 'labelsRemove' | 'options' | 'optionsRemove' | 'ipRanges' | 'auxAddresses' | 'auxRemove' | 'subnets'
>

export interface NetworkDifference {
  readonly wish: NetworkWish
  readonly fixed: readonly Fixed[]
  /** Whether there is anything to ask for. */
  readonly differs: boolean
}

export function networkDifference(wanted: NetworkFile, actual: NetworkView): NetworkDifference {
  const driver = driverFor(wanted.driver)
  const sameDriver = driver.name === actual.driver
  const options = sameDriver ? changedOptions(driver, actual.options, wanted.driver_opts) : []
  const live = options.filter(({ name }) => whyFixed(driver, name) === undefined)
  const subnets = wanted.ipam.config
  const known = new Set(actual.subnets.map(({ cidr }) => cidr))
  const wish = {
    labels: added(actual.labels, wanted.labels),
    labelsRemove: gone(actual.labels, wanted.labels),
    options: Object.fromEntries(live.flatMap(({ name, after }) => (after === undefined ? [] : [[name, after]]))),
    optionsRemove: live.filter(({ after }) => after === undefined).map(({ name }) => name),
    ipRanges: subnets.length === 0 ? [] : rangesFor(wanted, actual),
    ...(subnets.length === 0 ? { auxAddresses: {}, auxRemove: [] } : auxiliary(wanted, actual)),
    subnets: subnets
      .filter(({ subnet }) => !known.has(subnet))
      .map(({ subnet, gateway, ip_range }) => ({
        subnet,
        ...(gateway === undefined ? {} : { gateway }),
        ...(ip_range === undefined ? {} : { ipRange: ip_range }),
      })),
  }
  const fixed = [
    ...(sameDriver ? [] : [differs('driver', actual.driver, driver.name, 'it is what the network is made of')]),
    ...options.flatMap(({ name, before, after }) => {
      const why = whyFixed(driver, name)
      return why === undefined ? [] : [differs(`driver_opts.${name}`, before, after, why)]
    }),
    ...flags(wanted, actual),
    ...subnetsFixed(wanted, actual),
  ]
  return { wish, fixed, differs: Object.values(wish).some((part) => Object.keys(part).length > 0) }
}

const OF_DOCKER = 'Docker’s network on each host was made so, and Docker changes none'

function flags(wanted: NetworkFile, actual: NetworkView): Fixed[] {
  const has = (six: boolean) => actual.subnets.some(({ cidr }) => cidr.includes(':') === six)
  const wants = (six: boolean) => wanted.ipam.config.some(({ subnet }) => subnet.includes(':') === six)
  const six = wanted.enable_ipv6 || wants(true)
  const four = wanted.enable_ipv4 || wants(false)
  return [
    ...(wanted.internal === actual.internal ? [] : [differs('internal', actual.internal, wanted.internal, OF_DOCKER)]),
    ...(six === has(true) ? [] : [differs('enable_ipv6', has(true), six, OF_DOCKER)]),
    ...(four === has(false) ? [] : [differs('enable_ipv4', has(false), four, OF_DOCKER)]),
  ]
}

/** Subnets that cannot be taken away, gateways that cannot be another. A family whose subnets are not named may have any. */
function subnetsFixed(wanted: NetworkFile, actual: NetworkView): Fixed[] {
  const files = new Map(wanted.ipam.config.map((subnet) => [subnet.subnet, subnet]))
  const families = new Set([...files.keys()].map((cidr) => cidr.includes(':')))
  return actual.subnets.flatMap(({ cidr, gateway }) => {
    const file = files.get(cidr)
    if (file === undefined)
      return families.has(cidr.includes(':'))
        ? [differs('subnet', cidr, undefined, 'its containers have addresses of it, and Docker’s networks its pool')]
        : []
    return file.gateway === undefined || file.gateway === gateway
      ? []
      : [differs(`gateway of ${cidr}`, gateway, file.gateway, OF_DOCKER)]
  })
}

/** A range for each subnet that should have another one; the whole subnet takes it away. */
function rangesFor(wanted: NetworkFile, actual: NetworkView): string[] {
  return wanted.ipam.config.flatMap(({ subnet, ip_range }) => {
    const now = actual.subnets.find(({ cidr }) => cidr === subnet)
    return now === undefined || now.ipRange === ip_range ? [] : [ip_range ?? subnet]
  })
}

function auxiliary(wanted: NetworkFile, actual: NetworkView): Pick<NetworkWish, 'auxAddresses' | 'auxRemove'> {
  const now = Object.assign({}, ...actual.subnets.map(({ auxAddresses }) => auxAddresses)) as Record<string, string>
  const then = Object.assign({}, ...wanted.ipam.config.map((each) => each.aux_addresses)) as Record<string, string>
  return { auxAddresses: added(now, then), auxRemove: gone(now, then) }
}

function added(now: Readonly<Record<string, string>>, then: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(then).filter(([key, value]) => now[key] !== value))
}

function gone(now: Readonly<Record<string, string>>, then: Readonly<Record<string, string>>): string[] {
  return Object.keys(now).filter((key) => !Object.hasOwn(then, key))
}

function differs(what: string, before: unknown, after: unknown, why: string): Fixed {
  return { what: `${what}: ${before ?? '(none)'} -> ${after ?? '(none)'}`, why }
}
