import { driverFor, parseOptions, type UplinkView, WeftError } from '@weft/shared'
import { auditWrite } from './audit.ts'
import type { DomainDeps } from './deps.ts'
import { commitAlone } from './group-commit.ts'
import { hostByRef } from './pure/find.ts'
import { keys } from './pure/keys.ts'
import { type Actor, decode, UplinkRecord } from './pure/records.ts'
import { type ClusterView, containersIn } from './pure/view.ts'
import { uplinkView } from './pure/views.ts'

export interface UplinkRequest {
  readonly name: string
  readonly host: string
  /** null takes the mapping away. */
  readonly interface: string | null
  readonly req: string
  /** Only says whether it could be done. */
  readonly dryRun?: boolean
}

const MOST_TRIES = 20

/**
 * T12: says which interface of a host a logical uplink is.
 * @throws `not_found` (host), `invalid` (the host has no such interface: the error names those it has), `conflict` (it is to be
 * taken from below containers: the error names their networks)
 */
export async function setUplink(deps: DomainDeps, request: UplinkRequest, actor: Actor): Promise<UplinkView> {
  const { name, host, req } = request
  const key = keys.uplink(name, host)
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const view = await deps.cluster.newest()
    hostByRef(view, host)
    const { entry } = await deps.kv.get(key)
    const before = entry === undefined ? undefined : decode(UplinkRecord, entry).value
    if ((before?.interface ?? null) === request.interface) {
      return uplinkView(await deps.cluster.newest(), name)
    }
    if (request.interface === null) refuseUsed(view, request)
    else checkInterface(view, host, request.interface)
    if (request.dryRun === true) return uplinkView(view, name)
    const record = { v: 1, req, gen: (before?.gen ?? 0) + 1, interface: request.interface }
    const object = `uplink ${name} of ${host} = ${request.interface ?? 'none'}`
    const audit = auditWrite(deps, { actor, action: 'uplink.set', object, req })
    const answer = await commitAlone(deps.kv, {
      when: [{ key, mod: entry?.modRevision ?? 0 }],
      write: [request.interface === null ? { delete: key } : { put: key, value: JSON.stringify(record) }, audit],
      read: [],
      requestId: req,
    })
    if (answer.succeeded) return uplinkView(await deps.cluster.waitFor(answer.revision), name)
  }
  throw new WeftError('unavailable', {
    what: 'lost every race for an uplink',
    on: `${name} of ${host}`,
    remedy: 'try again',
  })
}

/** Containers would lose the sub-interface that they stand on. */
function refuseUsed(view: ClusterView, { name, host }: UplinkRequest): void {
  const networks = [...view.networks.values()].flatMap(({ value: { uid, name: network, driver: called, options } }) => {
    const driver = driverFor(called)
    const isOn = driver.parent(parseOptions(driver, options))?.uplink === name
    return isOn && containersIn(view, uid, host) > 0 ? [network] : []
  })
  if (networks.length === 0) return
  throw new WeftError('conflict', {
    what: 'uplink is in use',
    on: `${name} of ${host}`,
    why: `containers of ${host} are on it by ${networks.sort().join(', ')}`,
    remedy: `remove or disconnect these containers (weft endpoint ls), or name another interface: weft uplink set ${name} ${host}=INTERFACE`,
  })
}

function checkInterface(view: ClusterView, host: string, wanted: string): void {
  const names = view.facts.get(host)?.value.facts.interfaces.map((link) => link.name) ?? []
  if (names.includes(wanted)) return
  throw new WeftError('invalid', {
    what: `host ${host} has no such interface`,
    on: wanted,
    why: `it has ${names.filter((name) => name !== 'lo').join(', ') || 'none'}`,
    remedy: 'name one of these',
  })
}
