/** What Weft's own interfaces in a network, hosts' shims and routers' legs, need of its options. Pure. */
import { type Driver, driverFor, type Egress, parseOptions, WeftError } from '@weft/shared'
import type { NetworkRecord } from './records.ts'
import { refuseUnroutable } from './router-host.ts'
import { legIn } from './router-view.ts'
import type { ClusterView } from './view.ts'

/** A host's interface that no container would hear is no access. @throws `invalid` */
export function refuseDeaf(driver: Driver, options: unknown): void {
  const why = driver.hostAccess(options) ? driver.deaf(options) : undefined
  if (why === undefined) return
  throw new WeftError('invalid', {
    what: 'host access is not possible in this mode',
    on: 'host_access=true',
    why,
    remedy: 'leave host_access out, or choose the mode bridge',
  })
}

/** Where nobody but a router may have the subnet's gateway address. */
export function leavesGateway(egress: Egress): boolean {
  return egress === 'docker' || egress === 'none'
}

/**
 * Whether shims and legs go on working in a network as it is to be.
 * @throws `invalid` for options under which nobody hears them, `conflict` for a gateway where a router has its address
 */
export function checkPlaced(view: ClusterView, wanted: NetworkRecord): void {
  const driver: Driver = driverFor(wanted.driver)
  refuseDeaf(driver, parseOptions(driver, wanted.options))
  const routers = [...view.routers.values()].filter(({ value }) => value.networks.includes(wanted.uid))
  if (routers.length === 0) return
  refuseUnroutable(wanted)
  if (leavesGateway(wanted.egress)) return
  for (const { value } of routers) {
    const leg = legIn(view, value.uid, wanted.uid)?.value
    const taken = leg?.addresses.find(({ subnet, ip }) => view.subnets.get(subnet)?.value.gateway === ip)
    if (taken === undefined) continue
    throw new WeftError('conflict', {
      what: 'gateway address is in use',
      on: taken.ip,
      why: `router ${value.name} has it, and with egress=${wanted.egress} another is to answer there`,
      remedy: `weft router disconnect ${value.name} ${wanted.name}, and connect it again afterwards`,
    })
  }
}
