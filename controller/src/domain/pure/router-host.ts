/** Which host is to carry a router, and which networks one can connect. */
import { type Driver, driverFor, parseOptions, WeftError } from '@weft/shared'
import { isAlive } from './alive.ts'
import { parentOn } from './parent-on-host.ts'
import type { NetworkRecord, RouterRecord } from './records.ts'
import type { ClusterView } from './view.ts'

/** Hosts that could carry it: those that report, and have the parents of all its networks. */
export function ableHosts(view: ClusterView, networks: readonly string[]): string[] {
  const parents = networks.flatMap((uid) => {
    const network = view.networks.get(uid)?.value
    const parent = network === undefined ? undefined : driverOf(network).driver.parent(driverOf(network).options)
    return parent === undefined ? [] : [parent]
  })
  return [...view.hosts.values()]
    .map(({ value }) => value.id)
    .filter((host) => isAlive(view, host))
    .filter((host) => parents.every((parent) => parentOn(view, host, parent) !== undefined))
    .sort()
}

/**
 * The host for the router: the preferred one when it can, else the one with the fewest routers.
 * @param among the hosts to choose from, of {@link ableHosts}; undefined when there is none
 */
export function chooseHost(
  view: ClusterView,
  router: Pick<RouterRecord, 'preferred'>,
  among: readonly string[],
): string | undefined {
  if (router.preferred !== undefined && among.includes(router.preferred)) return router.preferred
  const load = new Map<string, number>()
  for (const { value } of view.placements.values()) load.set(value.host, (load.get(value.host) ?? 0) + 1)
  return [...among].sort((a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0) || (a < b ? -1 : 1))[0]
}

/** The routers that the host carries. */
export function routersOn(view: ClusterView, host: string): RouterRecord[] {
  return [...view.placements.values()]
    .filter(({ value }) => value.host === host)
    .flatMap(({ value }) => view.routers.get(value.router)?.value ?? [])
}

/** Where of these hosts the router is best; undefined when none can carry it. */
export function placeFor(view: ClusterView, router: RouterRecord, among: readonly string[]): string | undefined {
  const able = ableHosts(view, router.networks).filter((host) => among.includes(host))
  return chooseHost(view, router, able)
}

/** Throws `invalid` for a network whose containers no router's leg would reach. */
export function refuseUnroutable(network: NetworkRecord): void {
  const { driver, options } = driverOf(network)
  const refuse = (why: string) => {
    throw new WeftError('invalid', {
      what: 'no router can connect this network',
      on: network.name,
      why,
      remedy: 'connect an overlay, a macvlan or ipvlan_mode=l2 in their usual modes, or a bridge with a parent',
    })
  }
  const deaf = driver.deaf(options)
  if (deaf !== undefined) refuse(deaf)
  if (!driver.spans(options)) refuse('each host has a part of it to itself, and a router stands on one host')
  if (driver.defaultRoute(options) === 'device') refuse('its containers ask no next hop: it has no ARP')
}

/** True where nobody but containers can have an address: no wire leads into it. */
export function isSealed(network: NetworkRecord): boolean {
  const { driver, options } = driverOf(network)
  return driver.parent(options) === undefined
}

function driverOf(network: NetworkRecord): { driver: Driver; options: unknown } {
  const driver: Driver = driverFor(network.driver)
  return { driver, options: parseOptions(driver, network.options) }
}
